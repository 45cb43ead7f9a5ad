// What must not compile: each line below an expected error is one that the compiler has to refuse, or checking this file fails.
// machines: none, it is about the bytes of a file, wherever that lies; places_test.ts is about the medium

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import {
  type Accessor,
  array,
  bool,
  bytes,
  f64,
  type FileAccessor,
  type PlainOf,
  struct,
  u32,
  u64,
  utf8,
} from "../../src/struct/mod.ts";
import { openPool } from "../../src/transaction/mod.ts";
import { memory } from "../helpers/places.ts";

const Point = struct({ x: u32, y: u32 });
const Account = struct({
  id: u64,
  balance: f64,
  open: bool,
  name: utf8(24),
  digest: bytes(4),
  history: array(f64, 4),
  at: Point,
  path: array(Point, 2),
});
type Fields = typeof Account.fields;

/** Never called: only its types matter. */
export function refused(onFile: FileAccessor<Fields>, over: Accessor<Fields>): void {
  // Right ones, so that an error below is about what it says
  onFile.id += 1n;
  onFile.balance += 1;
  onFile.open = !onFile.open;
  onFile.name = onFile.name.toUpperCase();
  onFile.digest = new Uint8Array(onFile.digest);
  onFile.history.set(0, onFile.history.at(1) + 1);
  onFile.at.x = onFile.path.at(1).y;
  onFile.set({ id: 1n, at: { x: 1 }, history: [1, 2, 3, 4], path: [{ x: 1 }, {}] });
  onFile.persist("id", "history");
  onFile.path.at(0).persist("x");
  over.set(onFile.toJSON());
  const plain: PlainOf<typeof Account> = onFile.toJSON();
  plain.path[0]!.x = plain.history.length;

  // @ts-expect-error no such field
  onFile.balnce = 1;
  // @ts-expect-error no such field
  onFile.at.z;
  // @ts-expect-error 64 bits are bigints
  onFile.id = 1;
  // @ts-expect-error and nothing else is
  onFile.balance = 1n;
  // @ts-expect-error a number is no bool
  onFile.open = 1;
  // @ts-expect-error a number is no text
  onFile.name = 1;
  // @ts-expect-error an array is no bytes
  onFile.digest = [1, 2, 3, 4];
  // @ts-expect-error a struct is assigned with set
  onFile.at = { x: 1, y: 2 };
  // @ts-expect-error an array is assigned by element or with set
  onFile.history = [1, 2, 3, 4];
  const { at } = onFile, { history } = over;
  // @ts-expect-error accessors are not assigned, whatever their type
  onFile.at = at;
  // @ts-expect-error accessors are not assigned, whatever their type
  over.history = history;
  // @ts-expect-error elements have a type too
  onFile.history.set(0, "1");
  // @ts-expect-error elements are asked for with at
  onFile.history[0];
  // @ts-expect-error no such field to persist
  onFile.persist("balnce");
  // @ts-expect-error a nested field is persisted by its struct
  onFile.persist("at.x");
  // @ts-expect-error no such field to set
  onFile.set({ balnce: 1 });
  // @ts-expect-error no such field to set, further in
  onFile.set({ at: { z: 1 } });
  // @ts-expect-error of the wrong type
  onFile.set({ path: [{ x: 1n }] });
  // @ts-expect-error only on a file
  over.persist();
  // @ts-expect-error nor below
  over.at.persist();
  // @ts-expect-error nor in arrays
  over.history.persist();
  // @ts-expect-error no such field
  Account.offsetOf("balnce");
  // @ts-expect-error a field needs a type
  struct({ a: 1 });
  // @ts-expect-error the length of text is in bytes, and needed
  utf8();
}

test("what the types refuse where they are not heeded is refused when it runs", () => {
  const over = Account.over(new DataView(new ArrayBuffer(Account.byteLength)), 0) as unknown as Record<
    string,
    unknown
  >;
  assertThrows(() => over["id"] = 1, TypeError);
  assertThrows(() => over["balance"] = 1n, TypeError);
  assertThrows(() => over["at"] = { x: 1, y: 2 }, TypeError);
  assertThrows(() => over["history"] = [1, 2, 3, 4], TypeError);
});

test("a transaction gives accessors of the same types, without persist", () => {
  using place = memory();
  using pool = openPool(place.path(), { create: true, size: 1 << 20 });
  const plain = pool.transaction((tx) => {
    const account = tx.at(Account, 64);
    account.set({
      id: 2n ** 64n - 1n,
      name: "Zoë",
      digest: new Uint8Array([1, 2, 3, 4]),
      path: [{ x: 1 }, { y: 2 }],
    });
    account.balance += 2.5;
    account.history.set(3, 4);
    // @ts-expect-error only on a file
    assertEquals(account.persist, undefined);
    // @ts-expect-error no such field
    assertEquals(account.balnce, undefined);
    return account.toJSON();
  });
  assertEquals(plain.path, [{ x: 1, y: 0 }, { x: 0, y: 2 }]);
  assertEquals(Account.at(pool.file, pool.dataOffset + 64).toJSON(), plain);
});
