// defer: whoever makes bytes durable settles first, once; records and commits do not; a recorded region does the same.
// machines: files

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { DaxError, open, type Region } from "../mod.ts";
import { Memory } from "../src/testing/memory.ts";
import { MODELS } from "../src/testing/model.ts";
import { RecordedRegion } from "../src/testing/region.ts";
import { makeFile } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { medium, memory } from "./helpers/places.ts";

type Call = (region: Region) => void | Promise<void>;

/** What settles, each in a form that leaves the file as it was but for zeros. */
const settling: Record<string, Call> = {
  persist: (file) => file.persist(0, 8),
  "persist of a view": (file) => file.persist(file.view(Uint8Array, 0, 8)),
  flush: (file) => file.flush(0, 8),
  deepFlush: (file) => file.deepFlush(0, 8),
  write: (file) => file.write(0, new Uint8Array(8)),
  "write without a drain": (file) => file.write(0, new Uint8Array(8), { drain: false }),
  fill: (file) => file.fill(0, 8),
  store64: (file) => file.store64(0, 0),
  sync: (file) => file.sync(),
};

const others: Record<string, Call> = {
  drain: (file) => file.drain(),
  view: (file) => void file.view(Uint8Array),
  checksum: (file) => void file.checksum(0, 8),
  recordLength: (file) => void file.recordLength(0, 64, 0),
  writeRecord: (file) => file.writeRecord(64, new Uint8Array(8), 1, 2, 3),
  commit: (file) => file.commit(64, file.batch(64), 1, 2, 3),
};

/** A file and a recorded region, which must not differ. */
const regions: Record<string, () => Region & Disposable> = {
  "a file": () => {
    const place = memory();
    const file = open(place.path(), { create: true, size: 4096 });
    place[Symbol.dispose](); // its name is not needed any more
    return file;
  },
  "a guarded file": () => {
    const place = memory();
    const file = open(place.path(), { create: true, size: 4096, guard: true });
    place[Symbol.dispose]();
    return file;
  },
  "a recorded region": () => new RecordedRegion(new Memory(4096), MODELS.px86, false),
};

for (const [name, make] of Object.entries(regions)) {
  for (const [operation, call] of Object.entries(settling)) {
    test(`${name}: ${operation} settles once, before its own work`, async () => {
      using region = make();
      const bytes = region.view(Uint8Array);
      bytes[0] = 1;
      let count = 0, seen = -1;
      region.defer(() => {
        count++;
        seen = bytes[0]!;
        region.persist(64, 8);
        region.store64(64, 5);
      });
      await call(region);
      assertEquals([count, seen], [1, 1]);
      await call(region);
      assertEquals(count, 1);
    });
  }

  test(`${name}: nothing else settles, and undefined takes it back`, async () => {
    using region = make();
    let count = 0;
    region.defer(() => count++);
    for (const call of Object.values(others)) await call(region);
    region.defer(undefined);
    region.persist();
    assertEquals(count, 0);
  });

  test(`${name}: a call that is refused settles nothing`, () => {
    using region = make();
    let count = 0;
    region.defer(() => count++);
    for (
      const call of [
        () => region.persist(4096, 1),
        () => region.persist(new Uint8Array(8)),
        () => region.flush(0, 4097),
        () => region.write(4090, new Uint8Array(8)),
        () => region.fill(0, 0),
        () => region.store64(4092, 1),
      ]
    ) assertThrows(call);
    assertEquals(count, 0);
    region.persist();
    assertEquals(count, 1);
  });

  test(`${name}: what fails to settle stands in the way, and is called again`, () => {
    using region = make();
    const bytes = region.view(Uint8Array);
    let fails = 3;
    region.defer(() => {
      if (fails-- > 0) throw new Error("not now");
    });
    for (let again = 0; again < 3; again++) {
      assertThrows(() => region.fill(0, 8, 7), Error, "not now");
      assertEquals(bytes[0], 0);
    }
    region.fill(0, 8, 7);
    assertEquals([bytes[0], fails], [7, -1]);
  });

  test(`${name}: one structure for each file, which may defer again while it settles`, () => {
    using region = make();
    let count = 0;
    const settle = () => {
      if (++count < 3) region.defer(settle);
    };
    region.defer(settle);
    region.defer(settle);
    assertThrows(() => region.defer(() => {}), TypeError, "deferred already");
    for (let again = 0; again < 5; again++) region.persist(0, 8);
    assertEquals(count, 3);
    region.defer(() => region.close());
    assertThrows(() => region.fill(0, 8, 7), TypeError, "closed");
  });
}

test("defer takes functions, and files that are open", () => {
  using place = medium();
  const file = open(makeFile(place.path(), 4096));
  for (const settle of [null, 5, "settle", {}]) {
    assertThrows(() => file.defer(settle as unknown as () => void), TypeError, "settle is a function");
  }
  let count = 0;
  file.defer(() => count++);
  file.close();
  assertThrows(() => file.defer(undefined), TypeError, "closed");
  assertEquals(count, 0);
});

test("a file that is open to be read refuses before it settles", () => {
  using place = medium();
  using file = open(makeFile(place.path(), 4096), { readOnly: true });
  let count = 0;
  file.defer(() => count++);
  for (const [name, call] of Object.entries(settling)) {
    if (name !== "sync") assertThrows(() => void call(file), DaxError, "open to be read");
  }
  assertEquals(count, 0);
});

test("records keep to the short way while something is deferred, and other calls find it again afterwards", () => {
  using place = memory();
  const calls: string[] = [];
  withNative((real) => ({
    daxfile1_record: (...parameters) => {
      calls.push("record");
      return real.daxfile1_record(...parameters);
    },
    daxfile1_persist: (...parameters) => {
      calls.push("persist");
      return real.daxfile1_persist(...parameters);
    },
  }), () => {
    using file = open(makeFile(place.path(), 4096));
    file.defer(() => {
      calls.push("settle");
      file.writeRecord(0, new Uint8Array(1), 1, 2, 3);
    });
    file.writeRecord(64, new Uint8Array(1), 1, 2, 3);
    file.persist(0, 8);
    file.persist(0, 8);
  });
  assertEquals(calls, ["record", "settle", "record", "persist", "persist"]);
});
