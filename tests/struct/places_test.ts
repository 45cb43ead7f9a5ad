// Records lie anywhere in a file of any size, aligned and inside; whatever else is asked for is refused.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { open } from "../../mod.ts";
import { array, bytes, struct, u32, u64, u8 } from "../../src/struct/mod.ts";
import { readAt } from "../helpers/bytes.ts";
import { medium, memory } from "../helpers/places.ts";

const Pair = struct({ key: u64, value: u32 });
const GiB = 2 ** 30;

test("records are the bytes of the file, on any medium", () => {
  using place = medium();
  {
    using file = open(place.path(), { create: true, size: 1 << 16 });
    const pair = Pair.at(file, 4096);
    pair.key = 0x0102030405060708n;
    pair.value = 9;
    pair.persist();
  }
  assertEquals([...readAt(place.path(), 4096, 16)], [8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0]);
  using file = open(place.path());
  assertEquals(Pair.at(file, 4096).toJSON(), { key: 0x0102030405060708n, value: 9 });
});

test("a record lies at any aligned offset of a file of several GiB, also over the edge of a view", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 3 * GiB, sparse: true });
  const Long = struct({ key: u64, rest: bytes(5000) });
  const offsets = [
    0,
    GiB / 2 - 8,
    GiB / 2,
    GiB - 8,
    GiB - 5000,
    GiB,
    2 * GiB - 16,
    3 * GiB - Long.byteLength,
  ];
  for (const [index, byteOffset] of offsets.entries()) {
    const { key } = Pair.at(file, byteOffset);
    assert(key >= 0n);
    const long = Long.at(file, byteOffset);
    const rest = new Uint8Array(5000).fill(index + 1);
    long.key = BigInt(index);
    long.rest = rest;
    long.persist();
    assertEquals(
      readAt(place.path(), byteOffset, 9),
      new Uint8Array([index, 0, 0, 0, 0, 0, 0, 0, index + 1]),
    );
    assertEquals(readAt(place.path(), byteOffset + 5007, 1), new Uint8Array([index + 1]));
    assertEquals(Long.at(file, byteOffset).rest, rest);
  }
});

test("an array larger than 1 GiB is one array", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 3 * GiB, sparse: true });
  const Odd = struct({ key: u64, rest: array(u64, 2) });
  const first = 4096,
    count = Math.floor((3 * GiB - first) / Odd.byteLength),
    table = Odd.array(file, first, count);
  assertEquals(table.length, count);
  for (const index of [0, 1, 2 ** 22, 44_739_072, 44_739_073, 89_478_314, 89_478_315, 2 ** 26, count - 1]) {
    const key = BigInt(index) + 7n;
    table.at(index).key = key;
    table.at(index).rest.set(1, key + 1n);
    table.persist(index, 1);
    table.at(index).persist("key");
    const there = new BigUint64Array(readAt(place.path(), first + index * 24, 24).buffer);
    assertEquals([...there], [key, 0n, key + 1n]);
    table.set(index, { rest: [1n, 2n] });
    assertEquals(table.at(index).toJSON(), { key, rest: [1n, 2n] });
  }
  for (const index of [count, 2 ** 31, 2 ** 53, -1, 0.5, NaN, Infinity]) {
    assertThrows(() => table.at(index), RangeError, `index ${index} is not one of an array of ${count}`);
    assertThrows(() => table.set(index, {}), RangeError, `index ${index} is not one`);
  }
});

test("an element of more than half a view is one too, and one that no view can hold is refused", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 3 * GiB, sparse: true });
  const Huge = struct({ key: u64, rest: bytes(GiB / 4 * 3 - 8) }), table = Huge.array(file, 64, 3);
  table.at(2).key = 5n;
  assertEquals([...readAt(place.path(), 64 + 2 * Huge.byteLength, 1)], [5]);
  const Over = struct({ rest: bytes(GiB + 1) });
  assertThrows(() => Over.at(file, 0), RangeError, "over the limit");
});

test("what is misaligned, outside or no number is refused, naming the limit", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 });
  assertThrows(
    () => Pair.at(file, 4),
    RangeError,
    "byteOffset 4 is not a multiple of 8, the alignment of struct { key, value }",
  );
  assertThrows(
    () => Pair.at(file, 4088),
    RangeError,
    `byteOffset 4088 and 16 bytes of struct { key, value } are not inside "`,
  );
  assertThrows(() => Pair.at(file, 2 ** 53), RangeError, "is not an integer from 0 to 2^53 - 1");
  assertThrows(() => Pair.at(file, -8), RangeError, "is not an integer");
  assertThrows(() => Pair.at(file, NaN), RangeError, "is not an integer");
  assertThrows(
    () => Pair.at(file, "8" as unknown as number),
    TypeError,
    "byteOffset is a number, not string",
  );
  assertThrows(() => Pair.array(file, 0, 257), RangeError, "byteOffset 0 and 4112 bytes");
  assertThrows(() => Pair.array(file, 0, 2 ** 50), RangeError, "not inside");
  for (const count of [0, -1, 1.5, NaN]) {
    assertThrows(() => Pair.array(file, 0, count), RangeError, `count ${count} is not an integer from 1`);
  }
  assertEquals(Pair.array(file, 0, 256).length, 256);
  assertEquals(struct({ a: u8 }).at(file, 4095).a, 0);
});

test("over a view: the same fields, misalignment refused, and what is outside is the view's to refuse", () => {
  const view = new DataView(new ArrayBuffer(64), 16, 32), pair = Pair.over(view, 16);
  pair.key = 3n;
  assertEquals(view.getBigUint64(16, true), 3n);
  assertEquals("persist" in pair, false);
  assertThrows(() => Pair.over(view, 4), RangeError, "not a multiple of 8");
  assertThrows(() => Pair.over(view, 32).key, RangeError);
});

test("over anything that has the methods of a DataView, bytes and text are one call where there is one", () => {
  const calls: string[] = [], real = new DataView(new ArrayBuffer(64));
  const like = new Proxy(real, {
    get(_, name) {
      calls.push(String(name));
      if (name === "write") {
        return (at: number, source: Uint8Array) => new Uint8Array(real.buffer).set(source, at);
      }
      if (name === "read") {
        return (at: number, byteLength: number) => new Uint8Array(real.buffer.slice(at, at + byteLength));
      }
      return (Reflect.get(real, name) as () => void).bind(real);
    },
  });
  const Blob = struct({ size: u32, data: bytes(4) });
  const blob = Blob.over(like, 8);
  blob.set({ size: 4, data: new Uint8Array([1, 2, 3, 4]) });
  assertEquals(blob.toJSON(), { size: 4, data: new Uint8Array([1, 2, 3, 4]) });
  assertEquals([...new Set(calls)], ["setUint32", "write", "getUint32", "read"]);
});
