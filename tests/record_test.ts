// writeRecord, recordLength and checksum: these bytes, found again if and only if they are whole, in one native call.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { library } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import { DaxError, open, type WriteOptions } from "../mod.ts";
import { crc32c } from "../src/testing/crc.ts";
import { difference, makeFile, pattern, readAt } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { medium, memory } from "./helpers/places.ts";

const granularities = ["cache-line", "byte", "page"] as const;
const top = 2 ** 32 - 1;

/** A record as the format says it. */
function framed(payload: Uint8Array, low: number, high: number, seed: number): Uint8Array {
  const frame = new Uint8Array(16 + Math.ceil(payload.length / 8) * 8), data = new DataView(frame.buffer);
  data.setUint32(0, payload.length, true);
  data.setUint32(8, low, true);
  data.setUint32(12, high, true);
  frame.set(payload, 16);
  const sum = crc32c(payload, crc32c(frame.subarray(0, 4), crc32c(frame.subarray(8, 16), seed)));
  data.setUint32(4, sum, true);
  return frame;
}

test("checksum is CRC-32C: known values, continued, at every misalignment, and what TypeScript computes", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 65536 });
  const text = (value: string) => new TextEncoder().encode(value);
  // The check value of the catalogue of CRCs, and RFC 3720, B.4
  const known: [Uint8Array, number][] = [
    [text("123456789"), 0xe3069283],
    [text("a"), 0xc1d04330],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(255), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ];
  for (const [bytes, sum] of known) {
    file.write(3, bytes);
    assertEquals([file.checksum(3, bytes.length), crc32c(bytes)], [sum, sum]);
  }
  const bytes = pattern(65536);
  file.write(0, bytes);
  for (let length = 1; length < 600; length++) {
    const start = length * 37 % 1000;
    const sum = crc32c(bytes.subarray(start, start + length));
    assertEquals(file.checksum(start, length), sum, `${length} bytes at ${start}`);
    assertEquals(file.checksum(start + length, 77, sum), file.checksum(start, length + 77));
  }
  for (const seed of [top, -1]) assertEquals(file.checksum(0, 65536, seed), crc32c(bytes, top));
  assertEquals(file.checksum(65535, 1, -0), crc32c(bytes.subarray(65535)));
});

const ways: readonly (WriteOptions | undefined)[] = [
  undefined,
  { nontemporal: true },
  { nontemporal: false },
  { drain: false },
  { nontemporal: false, drain: false },
];

for (const forceGranularity of granularities) {
  test(`${forceGranularity}: records of all sizes at every place in a line, and no byte beside them`, () => {
    using place = memory();
    using file = open(place.path(), { create: true, size: 2 ** 20, forceGranularity });
    const bytes = file.view(Uint8Array);
    const sizes = [...Array(301).keys(), 511, 512, 1000, 1024, 4095, 4096, 16383, 16384, 16385, 70_001];
    for (const [turn, size] of sizes.entries()) {
      const payload = pattern(size + 8, turn).subarray(turn % 8, turn % 8 + size);
      const [low, high, seed] = [turn, top - turn, Math.imul(turn, 0x9e3779b9) >>> 0];
      // A word may be signed: the same 32 bits
      const word = (value: number) => turn % 2 === 0 ? value : value | 0;
      const byteOffset = 4096 + 8 * (turn % 9), expected = framed(payload, low, high, seed);
      const end = byteOffset + expected.length;
      bytes.fill(0xc5, byteOffset - 64, end + 64);
      file.writeRecord(byteOffset, payload, word(low), word(high), word(seed), ways[turn % ways.length]);
      assertEquals(difference(bytes.slice(byteOffset, end), expected), -1, `${size} bytes`);
      assert(bytes.subarray(byteOffset - 64, byteOffset).every((byte) => byte === 0xc5), `before ${size}`);
      assert(bytes.subarray(end, end + 64).every((byte) => byte === 0xc5), `after ${size}`);
      assertEquals(file.recordLength(byteOffset, end, seed), size);
      assertEquals(file.recordLength(byteOffset, file.size, word(seed)), size);
      assertEquals(file.recordLength(byteOffset, end - 1, seed), -1);
      assertEquals(file.recordLength(byteOffset, end, (seed ^ 1) >>> 0), -1);
    }
    file.drain();
  });

  test(`${forceGranularity}: a record is one native call, and ends where the file does`, () => {
    using place = medium();
    const methods: number[] = [];
    withNative((real) => ({
      daxfile1_record: (...parameters) => {
        methods.push(parameters.at(-1)!);
        return real.daxfile1_record(...parameters);
      },
    }), () => {
      using file = open(place.path(), { create: true, size: 4096, forceGranularity });
      file.writeRecord(4096 - 24, new Uint8Array([1, 2]), 1, 2, 3);
      file.writeRecord(0, new Uint8Array(0), 1, 2, 3, { drain: false, nontemporal: true });
      assertEquals(file.recordLength(4096 - 24, 4096, 3), 2);
    });
    assertEquals(methods.length, 2);
    assertEquals(methods[1]! & (Mode.noDrain | Mode.nontemporal), Mode.noDrain | Mode.nontemporal);
    assertEquals(
      difference(readAt(place.path(), 4072, 24), framed(new Uint8Array([1, 2]), 1, 2, 3)),
      -1,
    );
  });
}

test("a record written over its own source holds what the source held", () => {
  for (const length of [8, 1000, 20_000]) {
    using place = memory();
    using file = open(place.path(), { create: true, size: 65536, forceGranularity: "cache-line" });
    const source = file.view(Uint8Array, 1024, length), payload = pattern(length);
    for (const byteOffset of [1000, 1016, 1024, 1048]) {
      // From the second time on its place is known
      for (let time = 0; time < 3; time++) {
        source.set(payload);
        file.writeRecord(byteOffset, source, 1, 2, 3);
        const frame = framed(payload, 1, 2, 3);
        assertEquals(difference(file.view(Uint8Array, byteOffset, frame.length), frame), -1);
      }
    }
  }
});

test("without the processor's instruction the same records are written and found", () => {
  using place = memory();
  const payload = pattern(1000);
  withNative((real) => ({ daxfile1_cpu: () => real.daxfile1_cpu() & ~Mode.crc32c }), () => {
    using file = open(place.path(), { create: true, size: 8192 });
    file.writeRecord(0, payload, 1, 2, 3);
  });
  using file = open(place.path());
  assertEquals(file.recordLength(0, 8192, 3), 1000);
  assertEquals(difference(file.view(Uint8Array, 0, 1016), framed(payload, 1, 2, 3)), -1);
});

test("every bit of a record counts, and zeros are none", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 });
  const payload = pattern(21);
  file.writeRecord(64, payload, 7, 0, 9);
  const bytes = file.view(Uint8Array);
  for (let bit = 0; bit < (16 + 21) * 8; bit++) {
    const at = 64 + (bit >> 3);
    bytes[at]! ^= 1 << (bit & 7);
    assertEquals(file.recordLength(64, 4096, 9), -1, `bit ${bit}`);
    bytes[at]! ^= 1 << (bit & 7);
  }
  assertEquals(file.recordLength(64, 4096, 9), 21);
  bytes.fill(0);
  for (const seed of [0, 1, top]) assertEquals(file.recordLength(64, 4096, seed), -1);
});

test("no bytes whatever lead recordLength outside of its range", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 });
  const bytes = file.view(Uint8Array);
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 16, maxLength: 64 }),
    fc.nat(508),
    fc.nat(4096),
    (garbage, word, end) => {
      bytes.set(garbage.subarray(0, 4096 - 8 * word), 8 * word);
      assertEquals(file.recordLength(8 * word, end, 5), -1);
    },
  ));
  bytes.fill(255);
  assertEquals(file.recordLength(4080, 4096, 5), -1);
  for (const at of [4088, 4096]) assertEquals(file.recordLength(at, 4096, 5), -1);
  assertEquals(file.recordLength(8, 0, 5), -1);
});

test("the payload may be used again, be part of the file, or lie where the record goes", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 2 ** 18 });
  const buffer = new Uint8Array(200);
  for (let turn = 0; turn < 6; turn++) {
    buffer.fill(turn);
    const payload = turn < 3 ? buffer : buffer.subarray(turn, turn + 100);
    for (let again = 0; again < 3; again++) file.writeRecord(0, payload, turn, 0, 1);
    assertEquals(difference(file.view(Uint8Array, 0, 16 + payload.length).slice(16), payload), -1);
    if (turn === 1) assertEquals(buffer.buffer.byteLength, 200);
  }
  for (const size of [64, 504, 16384, 50_000]) {
    for (const shift of [-40, 0, 8, 16, 24, size]) {
      const start = 65536, expected = pattern(size, size + shift);
      file.write(start, expected);
      const source = file.view(Uint8Array, start, size);
      for (let again = 0; again < 3; again++) {
        file.write(start, expected);
        file.writeRecord(start + shift, source, 1, 2, 3);
        const found = file.view(Uint8Array, start + shift + 16, size);
        assertEquals(difference(found, expected), -1, `${size} bytes, moved by ${shift}`);
        assertEquals(file.recordLength(start + shift, file.size, 3), size);
      }
    }
  }
  const shared = new Uint8Array(new SharedArrayBuffer(100)).fill(9);
  for (let again = 0; again < 3; again++) file.writeRecord(0, shared, 1, 2, 3);
  assertEquals(file.recordLength(0, 200, 3), 100);
  const moved = new Uint8Array(100);
  for (let again = 0; again < 3; again++) file.writeRecord(0, moved, 1, 2, 3);
  moved.buffer.transfer();
  assertThrows(() => file.writeRecord(0, moved, 1, 2, 3), TypeError);
});

const notWords: readonly unknown[] = [-(2 ** 31) - 1, -0.5, 0.5, NaN, Infinity, 2 ** 32, 2 ** 53];
const notNumbers: readonly unknown[] = ["1", null, undefined, 1n, {}, [1], true, Symbol("s")];

test("numbers that are none of a record's are a RangeError or TypeError that names them, and change nothing", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 });
  const source = new Uint8Array(8);
  const words: Record<string, (value: number) => void> = {
    low: (value) => file.writeRecord(0, source, value, 0, 0),
    high: (value) => file.writeRecord(0, source, 0, value, 0),
    seed: (value) => file.writeRecord(0, source, 0, 0, value),
    "seed of recordLength": (value) => file.recordLength(0, 64, value),
    "seed of checksum": (value) => file.checksum(0, 64, value),
  };
  for (const [name, call] of Object.entries(words)) {
    const parameter = name.split(" ")[0]!;
    for (const value of notWords) {
      assertThrows(() => call(value as number), RangeError, `${parameter} ${value}`);
    }
    for (const value of notNumbers) {
      if (value === undefined && name === "seed of checksum") continue;
      assertThrows(() => call(value as number), TypeError, `${parameter} is a number`);
    }
    if (!name.includes("of")) continue;
    for (const value of [0, -0, 1, 2 ** 31, top, -1, -(2 ** 31)]) call(value);
  }
  const outside: [number, string][] = [[4080, "24 bytes"], [4096, "4096"], [2 ** 53 - 1, "4096"], [
    2 ** 53,
    "2^53",
  ]];
  for (const [byteOffset, text] of [...outside, [4, "multiple of 8"], [-8, "-8"], [NaN, "NaN"]] as const) {
    assertThrows(() => file.writeRecord(byteOffset, source, 0, 0, 0), RangeError, text);
  }
  for (
    const [byteOffset, text] of [[4104, "4096"], [4, "multiple of 8"], [-8, "-8"], [0.5, "0.5"]] as const
  ) {
    assertThrows(() => file.recordLength(byteOffset, 4096, 0), RangeError, text);
  }
  for (const end of [4097, -1, NaN, 2 ** 53]) {
    assertThrows(() => file.recordLength(0, end, 0), RangeError, `end ${end}`);
  }
  for (
    const [byteOffset, byteLength] of [[0, 0], [4096, 1], [0, 4097], [-1, 1], [0, NaN], [1, 2 ** 53]] as const
  ) {
    assertThrows(() => file.checksum(byteOffset, byteLength), RangeError);
  }
  for (const value of [...notNumbers, [1, 2, 3], new DataView(new ArrayBuffer(8)), new Float64Array(1)]) {
    assertThrows(
      () => file.writeRecord(0, value as Uint8Array, 0, 0, 0),
      TypeError,
      "source is a Uint8Array",
    );
  }
  assert(file.view(Uint8Array).every((byte) => byte === 0));
});

test("a file that is open to be read is checksummed and searched, not written; a closed one neither", () => {
  using place = medium();
  {
    using file = open(place.path(), { create: true, size: 4096 });
    file.writeRecord(8, new Uint8Array([1, 2, 3]), 1, 2, 3);
  }
  const file = open(place.path(), { readOnly: true });
  assertEquals(file.recordLength(8, 4096, 3), 3);
  assertEquals(file.checksum(24, 3), crc32c(new Uint8Array([1, 2, 3])));
  const error = assertThrows(
    () => file.writeRecord(8, new Uint8Array(1), 1, 2, 3),
    DaxError,
    "open to be read",
  );
  assertEquals([error.code, error.operation, error.path], ["EACCES", "writeRecord", place.path()]);
  file.close();
  for (
    const call of [
      () => file.checksum(0, 8),
      () => file.recordLength(8, 4096, 3),
      () => file.writeRecord(8, new Uint8Array(1), 1, 2, 3),
    ]
  ) assertThrows(call, TypeError, "closed");
});

test("after the system failed to write back, a record is durable once it was written anew", () => {
  using place = memory();
  let result = 0;
  withNative((real) => ({
    daxfile1_record: (...parameters) => result === 0 ? real.daxfile1_record(...parameters) : result,
    daxfile1_persist: (...parameters) => real.daxfile1_persist(...parameters),
  }), () => {
    using file = open(makeFile(place.path(), 8192), { forceGranularity: "page" });
    const payload = new Uint8Array(100);
    result = -5;
    const error = assertThrows(() => file.writeRecord(0, payload, 1, 2, 3), DaxError, place.path());
    assertEquals([error.code, error.operation], ["EIO", "writeRecord"]);
    result = 0;
    assertThrows(() => file.persist(0, 120), DaxError, "failed to write");
    file.writeRecord(0, payload, 1, 2, 3);
    file.persist(0, 120);
    assertThrows(() => file.persist(0, 121), DaxError, "failed to write");
    assertEquals(file.recordLength(0, 8192, 3), 100);
  });
});

test("the scratch memory that payloads cross through is large enough for the largest", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 65536 });
  const { scratch } = library();
  const before = scratch.bytes.slice(8192 + 16384, 8192 + 16384 + 64);
  for (const size of [16384, 16383, 1]) file.writeRecord(0, pattern(size), 1, 2, 3);
  assertEquals(difference(scratch.bytes.slice(8192 + 16384, 8192 + 16384 + 64), before), -1);
});
