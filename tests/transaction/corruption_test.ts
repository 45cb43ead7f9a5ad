// No damage to a pool makes wrong data of right ones: each bit flipped, each length, and records with a right checksum and wrong contents.
// machines: none, it is about the bytes of a file, wherever that lies; transaction_test.ts is about the medium

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { CorruptionError, DaxError, open, type Region } from "../../mod.ts";
import { Memory } from "../../src/testing/memory.ts";
import { MODELS } from "../../src/testing/model.ts";
import { RecordedRegion } from "../../src/testing/region.ts";
import { readHeader } from "../../src/transaction/header.ts";
import { openPool } from "../../src/transaction/mod.ts";
import { readSlots } from "../../src/transaction/slots.ts";
import { memory } from "../helpers/places.ts";
import { bitsRead, regionOf } from "../helpers/regions.ts";
import { lasting, size, sizes, text } from "./subject.ts";

const dataOffset = 4096, slots = [512, 576] as const, markOffset = 256, overflowOffset = 640, lookedAt = 512;

/** The bytes of a pool after some work; `dataLost` as if nothing of the data had reached the medium. */
function imageOf(
  work: (pool: ReturnType<typeof openPool>) => void,
  { closed = false, dataLost = false, divided = {} as { slotBytes?: number; overflowBytes?: number } } = {},
): Uint8Array<ArrayBuffer> {
  const memory = new Memory(size), region = lasting(new RecordedRegion(memory, MODELS.px86, false));
  const pool = openPool(region, { create: true, layout: "test", ...sizes, ...divided });
  work(pool);
  if (closed) pool.close();
  if (dataLost) memory.bytes.fill(0, dataOffset);
  return memory.bytes.slice();
}

function contents(region: Region): string {
  return openPool(region).transaction((tx) => text(tx.read(0, lookedAt)));
}

const two = (pool: ReturnType<typeof openPool>) => {
  pool.transaction((tx) => tx.setUint32(0, 0x0101_0101));
  pool.transaction((tx) => tx.setUint32(64, 0x0202_0202));
};
const afterTwo = text(Uint8Array.from({ length: 68 }, (_, at) => at < 4 ? 1 : at < 64 ? 0 : 2));

const large = (pool: ReturnType<typeof openPool>) => {
  pool.transaction((tx) => tx.write(0, new Uint8Array(80).fill(3)));
};
const afterLarge = text(new Uint8Array(80).fill(3));

/** An image of a large commit whose record in the slot is durable and of which nothing is in place. */
function largePending(): Uint8Array {
  const memory = new Memory(size), region = lasting(new RecordedRegion(memory, MODELS.px86, false));
  let isNext = false;
  const cutOff = new Proxy(region, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== "writeRecord") return value;
      return (...parameters: Parameters<Region["writeRecord"]>) => {
        value(...parameters);
        if (isNext && parameters[0] < overflowOffset) throw new Error("cut off");
      };
    },
  });
  const pool = openPool(cutOff, { create: true, layout: "test", ...sizes });
  isNext = true;
  assertThrows(() => large(pool), Error, "cut off");
  return memory.bytes.slice();
}

const images: Record<string, { bytes: Uint8Array; after: string; before?: string }> = {
  "closed": { bytes: imageOf(two, { closed: true }), after: afterTwo },
  "killed after two transactions": { bytes: imageOf(two), after: afterTwo },
  // Of the two, the first one's data had been fenced
  "cut off with nothing of the last transaction in place": {
    bytes: (() => {
      const bytes = imageOf(two, { dataLost: true });
      bytes.fill(1, dataOffset, dataOffset + 4);
      return bytes;
    })(),
    after: afterTwo,
  },
  "closed after a large one": { bytes: imageOf(large, { closed: true }), after: afterLarge },
  // The mark of its commit is not there yet: a slot that is not intact is one that was being written
  "cut off within a large one": { bytes: largePending(), after: afterLarge, before: "" },
};

/** What a body gives, or the damage that it meets, whose place its message names. */
function outcome<T>(body: () => T, about: string): T | CorruptionError {
  try {
    return body();
  } catch (error) {
    assert(error instanceof CorruptionError, `${about}: ${error}`);
    const named = Number(/byteOffset (\d+)/.exec(error.message)?.[1] ?? 0);
    assertEquals(named, error.byteOffset, error.message);
    return error;
  }
}

for (const [name, { bytes, after, before }] of Object.entries(images)) {
  for (const readOnly of [true, false]) {
    const way = readOnly ? "to be read" : "to be written";
    test(`${name}, opened ${way}: each bit flipped gives the right data, or an error that names the place`, () => {
      const counts = { refused: 0, right: 0 }, later = 300;
      // All that an opening looks at: of the data it is nothing, as the test below says
      const bits = bitsRead(bytes, (region) => void openPool(region), { readOnly });
      assert(bits.every(([byte]) => byte < dataOffset));
      for (const [byte, bit] of bits) {
        const damaged = bytes.slice(), about = `byte ${byte}, bit ${bit}`;
        damaged[byte]! ^= 1 << bit;
        const region = regionOf(damaged, { readOnly });
        const found = outcome(() => contents(region), about);
        if (found instanceof CorruptionError) {
          counts.refused++;
          continue;
        }
        assert(found === after || found === before, `${about}: ${found}`);
        counts.right++;
        if (readOnly) continue;
        // What was damaged is overwritten or of no more use: the pool goes on
        region.defer(undefined);
        openPool(region).transaction((tx) => tx.setUint8(later, 7));
        region.defer(undefined);
        assertEquals(contents(region), `${found}${later}:7 `, about);
      }
      // Magic, header and mark at the least
      assert(counts.refused > 8 * (8 + 200) && counts.right > 500, JSON.stringify(counts));
    });
  }
}

test("a record that is lost, and the mark with it, is noticed by the records after it", () => {
  const bytes = imageOf((pool) => {
    for (let turn = 1; turn <= 12; turn++) {
      pool.transaction((tx) => {
        tx.setFloat64(0, turn);
        tx.setFloat64(64, turn);
      });
    }
  }, { divided: { slotBytes: 256, overflowBytes: 256 } });
  // A power cut that took the mark, and of the last transaction's stores one
  const view = new DataView(bytes.buffer);
  view.setFloat64(markOffset, 2, true);
  view.setFloat64(dataOffset + 64, 11, true);
  const read = () => {
    const region = regionOf(bytes);
    return readSlots(region, readHeader(region, false));
  };
  const { records, sequence, side } = read(), newer = records[side], older = records[1 - side as 0 | 1];
  assert(newer.length > 1 && older.length > 1);
  const outcome = ({ byteOffset }: { byteOffset: number }) => {
    bytes[byteOffset + 16]! ^= 4;
    try {
      return read().sequence;
    } catch (error) {
      assert(error instanceof CorruptionError && error.byteOffset === byteOffset, String(error));
      return "refused";
    } finally {
      bytes[byteOffset + 16]! ^= 4;
    }
  };
  // What the older slot's records changed was durable before the newer one was begun; and the last record may never have been finished
  assertEquals(older.map(outcome), older.map(() => sequence));
  assertEquals(newer.map(outcome), [...newer.slice(1).map(() => "refused"), sequence - 1]);
});

test("the data area has no checksum: a bit that flips there is a bit that flipped, and nothing else", () => {
  const { bytes, after } = images["closed"]!;
  const pool = openPool(regionOf(bytes)), data = pool.file.view(Uint8Array, dataOffset);
  const before = pool.transaction((tx) => tx.read(0, data.length));
  assertEquals(text(before), after);
  for (let bit = 0; bit < 8 * data.length; bit++) {
    const byte = bit >>> 3, start = Math.max(0, byte - 8);
    data[byte]! ^= 1 << (bit & 7);
    const wanted = before.slice(start, byte + 9);
    wanted[byte - start]! ^= 1 << (bit & 7);
    assertEquals(pool.transaction((tx) => String(tx.read(start, wanted.length))), String(wanted));
    data[byte]! ^= 1 << (bit & 7);
  }
});

test("cut off at any length it is refused, and nothing outside of the file is read", () => {
  const { bytes } = images["killed after two transactions"]!;
  const options = { create: true, layout: "test", ...sizes };
  // Every access of a region is checked
  for (let length = size - 1; length > 0; length--) {
    for (const [given, readOnly] of [[{}, true], [{}, false], [options, false]] as const) {
      const region = regionOf(bytes.subarray(0, length), { readOnly });
      const error = assertThrows(() => openPool(region, given));
      assert(error instanceof CorruptionError && error.byteOffset !== undefined, `${length}: ${error}`);
    }
  }
  using place = memory();
  const path = place.path();
  writeFileSync(path, bytes);
  // Files, where what lies after the last page is no memory at all
  for (
    const length of [8191, 8190, 7777, 4104, 4097, 4096, 4095, 4090, 640, 600, 513, 512, 200, 24, 9, 8, 7, 1]
  ) {
    truncateSync(path, length);
    for (const given of [{ readOnly: true }, {}, { create: true }]) {
      assertThrows(() => openPool(path, given), CorruptionError);
    }
  }
  truncateSync(path, 0);
  assertEquals(assertThrows(() => openPool(path), DaxError).code, "EINVAL");
  const longer = new Uint8Array(size + 4096);
  longer.set(images["closed"]!.bytes);
  writeFileSync(path, longer);
  assertThrows(() => openPool(path), CorruptionError, `made with ${size} bytes, and has ${size + 4096}`);
});

test("native code finds the same damage as the model", () => {
  using place = memory();
  const path = place.path(), { bytes, after } = images["killed after two transactions"]!;
  for (let bit = 0; bit < 8 * overflowOffset; bit += 7) {
    const damaged = bytes.slice();
    damaged[bit >>> 3]! ^= 1 << (bit & 7);
    const outcome = (body: () => string) => {
      try {
        return body();
      } catch (error) {
        assert(error instanceof CorruptionError, String(error));
        return error.message.slice(error.message.indexOf(":"));
      }
    };
    writeFileSync(path, damaged);
    const found = outcome(() => {
      using pool = openPool(path);
      return pool.transaction((tx) => text(tx.read(0, lookedAt)));
    });
    assertEquals(found, outcome(() => contents(regionOf(damaged))), `bit ${bit}`);
    if (!found.startsWith(":")) assertEquals(found, after);
  }
});

/** A pool whose slot holds a record with the right checksum. */
function crafted(place: { path(): string }, craft: (file: Region, seed: number) => void): string {
  const path = place.path();
  writeFileSync(path, images["closed"]!.bytes);
  using file = open(path);
  craft(file as Region, file.view(DataView).getUint32(12, true));
  return path;
}

function entry(byteOffset: number, byteLength: number, data: number): Uint8Array {
  const bytes = new Uint8Array(8 + data), view = new DataView(bytes.buffer);
  view.setUint32(0, byteOffset >>> 0, true);
  view.setUint16(4, Math.floor(byteOffset / 2 ** 32), true);
  view.setUint16(6, byteLength, true);
  return bytes;
}

test("a record with the right checksum that would write outside of the data is refused, and nothing is written", () => {
  using place = memory();
  // The closed pool has come to commit 5, which settles: it is the first record of the second slot
  const cases: [string, Uint8Array][] = [
    ["outside of the data", entry(dataOffset - 1, 8, 8)],
    ["outside of the data", entry(0, 8, 8)],
    ["outside of the data", entry(size - 7, 8, 8)],
    ["outside of the data", entry(2 ** 47, 8, 8)],
    ["no list of writes", entry(dataOffset, 9, 8)],
    ["no list of writes", entry(dataOffset, 0, 16)],
    ["no list of writes", new Uint8Array(5)],
    ["are not what was written", entry(24, 0, 0)],
  ];
  for (const [says, payload] of cases) {
    const path = crafted(place, (file, seed) => file.writeRecord(slots[1] + 16, payload, 6, 0, seed));
    const before = readFileSync(path);
    const error = assertThrows(() => openPool(path), CorruptionError, says);
    assertStringIncludes(error.message, "commit 6");
    assert(readFileSync(path).equals(before));
  }
});

test("a record that speaks of the overflow area is refused where that holds another commit's writes", () => {
  using place = memory();
  const path = crafted(place, (file, seed) => {
    const batch = file.batch(16);
    batch.write(dataOffset, new Uint8Array(8).fill(1));
    file.writeRecord(overflowOffset, batch.bytes, 5, 0, seed);
    file.writeRecord(slots[1] + 16, entry(16, 0, 0), 6, 0, seed);
  });
  assertThrows(() => openPool(path), CorruptionError, "the writes of commit 6");
});

test("records that contradict each other or their slot are refused", () => {
  using place = memory();
  const cases: [string, (file: Region, seed: number) => void][] = [
    ["is never there", (file, seed) => file.writeRecord(slots[0], new Uint8Array(0), 0, 2 ** 31, seed)],
    ["of commit 0", (file, seed) => file.writeRecord(slots[0], new Uint8Array(0), 0, 0, seed)],
    ["no intact record", (file) => file.fill(512, 128)],
    ["the number of no commit", (file) => file.store64(markOffset, 0)],
    ["the number of no commit", (file) => file.store64(markOffset, -1n)],
    ["is lost", (file) => file.fill(slots[1], 16)],
  ];
  for (const [says, craft] of cases) {
    const path = crafted(place, craft);
    assertThrows(() => openPool(path), CorruptionError, says);
  }
});

test("a newer version, unknown features and the other byte order are refused by name, a wrong file too", () => {
  using place = memory();
  const header = (low: number, high: number, change: (payload: Uint8Array) => void = () => {}) =>
    crafted(place, (file) => {
      const payload = file.view(Uint8Array, 24, 184).slice();
      change(payload);
      file.writeRecord(8, payload, low, high, 0);
    });
  const refused = (path: string, says: string, options = {}) =>
    assertEquals(assertThrows(() => openPool(path, options), DaxError, says).code, "ENOTSUP");
  refused(header(2, 0x0102_0304), "version 2, and this program knows version 1");
  refused(header(1, 0x0403_0201), "byte order");
  refused(header(1, 0x0102_0304, (payload) => payload[36] = 1), "features");
  refused(header(1, 0x0102_0304, (payload) => payload[40] = 1), "Open it with readOnly");
  // A feature that does not matter to who only reads; the seed is another, so that the records are not this header's
  assertThrows(
    () => openPool(header(1, 0x0102_0304, (payload) => payload[40] = 1), { readOnly: true }),
    CorruptionError,
    "slots",
  );
  assertThrows(
    () => openPool(header(1, 0x0102_0304, (payload) => payload[16]! ^= 8)),
    CorruptionError,
    "impossible numbers",
  );
  writeFileSync(place.path(), "Dear reader, ".repeat(1000));
  assertThrows(() => openPool(place.path()), CorruptionError, "not a pool");
});

test("the numbers of commits pass 2^32, and end at 2^53 with an error", () => {
  using place = memory();
  const at = (low: number, high: number) =>
    crafted(place, (file, seed) => {
      file.writeRecord(slots[0], new Uint8Array(0), low, high, seed);
      file.fill(slots[1], 16);
    });
  {
    const path = at(2 ** 32 - 2, 0);
    for (let round = 0; round < 3; round++) {
      using pool = openPool(path);
      for (let i = 0; i < 5; i++) pool.transaction((tx) => tx.setUint32(4, tx.getUint32(4) + 1));
      pool.file.close();
    }
    using pool = openPool(path);
    assertEquals(pool.transaction((tx) => tx.getUint32(4)), 15);
  }
  const path = at(2 ** 32 - 4, 2 ** 21 - 1);
  {
    using pool = openPool(path);
    pool.transaction((tx) => tx.setUint8(100, 1));
    const error = assertThrows(() => pool.transaction((tx) => tx.setUint8(100, 2)), DaxError, "used up");
    assertEquals(error.code, "EOVERFLOW");
    assertEquals(pool.transaction((tx) => tx.getUint8(100)), 1);
  }
  using pool = openPool(path);
  assertEquals(pool.transaction((tx) => tx.getUint8(100)), 1);
  assertThrows(() => pool.transaction((tx) => tx.setUint8(100, 2)), DaxError, "used up");
});
