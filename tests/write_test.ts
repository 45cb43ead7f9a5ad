// write and fill put exactly these bytes there, from any source, at any place, of any size, and none beside them.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { library } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import { type DaxFile, type Granularity, open, type WriteOptions } from "../mod.ts";
import { difference, pattern, readAt } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { disk, medium, memory } from "./helpers/places.ts";

const KiB = 1024, MiB = 2 ** 20;

/** Around every size at which another way of copying begins: a word, a line, PMDK's threshold, a page, the staging area, and so on. */
const sizes = [0, 8, 16, 32, 64, 128, 256, 512, 4 * KiB, 8 * KiB, 16 * KiB, 64 * KiB, MiB]
  .flatMap((size) => [size - 1, size, size + 1]).filter((size) => size > 0);

const canary = 0xc5;

/** Writes into a field of canaries, and finds every byte that is not as it should be. */
function checkAround(file: DaxFile, byteOffset: number, expected: Uint8Array, body: () => void): void {
  const start = Math.max(0, byteOffset - 192), end = Math.min(file.size, byteOffset + expected.length + 192);
  const around = file.view(Uint8Array, start, end - start);
  around.fill(canary);
  body();
  const wanted = new Uint8Array(end - start).fill(canary);
  wanted.set(expected, byteOffset - start);
  const at = difference(around, wanted);
  if (at >= 0) {
    throw new Error(
      `${expected.length} bytes at ${byteOffset}: byte ${start + at} is ${around[at]}, not ${wanted[at]}`,
    );
  }
}

const ways: readonly (WriteOptions | undefined)[] = [
  undefined,
  { nontemporal: true },
  { nontemporal: false },
  { drain: false },
  { nontemporal: true, drain: false },
];

for (const forceGranularity of ["cache-line", "byte", "page"] as const) {
  test(`${forceGranularity}: write and fill at every misalignment, around every threshold`, {
    timeout: 60_000,
  }, () => {
    // On tmpfs, where msync costs nothing: each call of "page" would else wait for a disk
    using place = memory();
    using file = open(place.path(), { create: true, size: 4 * MiB, forceGranularity });
    for (const size of sizes) {
      const source = pattern(size + 64);
      const steps = size < 600 ? 1 : size < 20_000 ? 7 : 21;
      for (let misalignment = 0; misalignment < 64; misalignment += steps) {
        const byteOffset = 4096 + misalignment;
        const options = ways[(misalignment + size) % ways.length];
        const bytes = source.subarray(misalignment, misalignment + size);
        checkAround(file, byteOffset, bytes, () => file.write(byteOffset, bytes, options));
        const value = (misalignment + size) & 0xff;
        const filled = new Uint8Array(size).fill(value);
        checkAround(file, byteOffset, filled, () => file.fill(byteOffset, size, value, options));
      }
    }
    file.drain();
  });
}

test("the last bytes of a file whose size is no multiple of anything", () => {
  for (const size of [1, 63, 65, 100, 3 * KiB, 4097, 16 * KiB + 5, MiB + 1]) {
    for (const forceGranularity of ["cache-line", "page"] as const) {
      using place = medium();
      using file = open(place.path(), { create: true, size, forceGranularity });
      for (const byteLength of [1, 7, 8, 64, 255, 256, 300, size].filter((length) => length <= size)) {
        const bytes = pattern(byteLength, size);
        checkAround(file, size - byteLength, bytes, () => file.write(size - byteLength, bytes));
        const filled = new Uint8Array(byteLength).fill(0x7e);
        checkAround(file, size - byteLength, filled, () => file.fill(size - byteLength, byteLength, 0x7e));
        assertThrows(() => file.write(size - byteLength + 1, bytes), RangeError, String(size));
        assertThrows(() => file.fill(size - byteLength + 1, byteLength), RangeError, String(size));
      }
      assertEquals(readAt(place.path(), 0, size + 1).length, size);
    }
  }
});

test("a source of any view, inside the engine's heap or not, shared or not, of any size", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: MiB, forceGranularity: "cache-line" });
  const types = [
    Int8Array,
    Uint8ClampedArray,
    Uint16Array,
    Int32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
  ];
  for (const byteLength of [8, 64, 72, 512, 16 * KiB, 16 * KiB + 8, 200 * KiB]) {
    const bytes = pattern(byteLength);
    const shifted = new Uint8Array(new ArrayBuffer(byteLength + 40), 24, byteLength);
    shifted.set(bytes);
    const shared = new Uint8Array(new SharedArrayBuffer(byteLength));
    shared.set(bytes);
    const growable = new Uint8Array(new ArrayBuffer(byteLength, { maxByteLength: 2 * byteLength }));
    growable.set(bytes);
    const sources: ArrayBufferView[] = [
      ...types.map((type) => new type(bytes.buffer)),
      // Made by their length, small ones lie inside the heap
      new Uint8Array(byteLength).map((_, i) => bytes[i]!),
      shifted,
      new DataView(shifted.buffer, 24, byteLength),
      new Float64Array(shifted.buffer, 24, byteLength / 8),
      shared,
      new DataView(shared.buffer),
      growable,
    ];
    for (const [index, source] of sources.entries()) {
      for (const byteOffset of [4096, 5003]) {
        checkAround(file, byteOffset, bytes, () => file.write(byteOffset, source));
      }
      assertEquals(source.byteLength, byteLength, `source ${index} changed`);
    }
  }
});

test("a source that overlaps the destination, either way", () => {
  using place = memory();
  for (const forceGranularity of ["cache-line", "page"] as const) {
    using file = open(place.path(forceGranularity), { create: true, size: 384 * KiB, forceGranularity });
    const all = file.view(Uint8Array);
    const before = pattern(384 * KiB);
    for (const byteLength of [1, 9, 100, 300, 5000, 17 * KiB, 100_000]) {
      for (const distance of [-70_000, -4096, -300, -64, -7, -1, 0, 1, 7, 64, 300, 4096, 70_000]) {
        for (
          const source of [
            file.view(Uint8Array, 200_003, byteLength),
            all.subarray(200_003, 200_003 + byteLength),
          ]
        ) {
          all.set(before);
          file.write(200_003 + distance, source);
          const expected = before.slice();
          expected.copyWithin(200_003 + distance, 200_003, 200_003 + byteLength);
          assertEquals(difference(all, expected), -1, `${byteLength} bytes by ${distance}`);
        }
      }
    }
  }
});

test("a source in another file, and in another window of the same", () => {
  using place = memory();
  using one = open(place.path("one"), { create: true, size: MiB });
  using other = open(place.path("other"), { create: true, size: MiB });
  other.write(0, pattern(MiB));
  for (const byteLength of [5, 5000, 500_000]) {
    one.write(77, other.view(Uint8Array, 1001, byteLength));
    assertEquals(
      difference(one.view(Uint8Array, 77, byteLength), pattern(MiB).subarray(1001, 1001 + byteLength)),
      -1,
    );
  }
  using large = open(place.path("large"), { create: true, size: 2 ** 31, sparse: true });
  const far = large.view(Uint8Array, 2 ** 30 + 2 ** 29 + 4096, 100_000);
  far.set(pattern(100_000));
  large.write(2 ** 29 - 50, far);
  assertEquals(difference(large.view(Uint8Array, 2 ** 29 - 50, 100_000), pattern(100_000)), -1);
});

test("a large source whose place in memory the runtime does not tell is copied in pieces", () => {
  const runtime = library().runtime as { addressOf(view: ArrayBufferView): number | undefined };
  const real = runtime.addressOf;
  using place = memory();
  using file = open(place.path(), { create: true, size: MiB });
  runtime.addressOf = () => undefined;
  try {
    for (const byteLength of [16 * KiB, 16 * KiB + 1, 32 * KiB, 100_003]) {
      const bytes = pattern(byteLength, byteLength);
      checkAround(file, 4099, bytes, () => file.write(4099, bytes));
      const data = new DataView(bytes.buffer, 3, byteLength - 3);
      checkAround(file, 4099, bytes.subarray(3), () => file.write(4099, data));
    }
  } finally {
    runtime.addressOf = real;
  }
});

test("fill takes bytes only, and 0 by default", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 4096 });
  file.fill(0, 4096, 255);
  file.fill(8, 8);
  file.fill(16, 8, -0);
  assertEquals([...file.view(Uint8Array, 0, 25)], [...new Array(8).fill(255), ...new Array(16).fill(0), 255]);
  for (const value of [256, -1, 0.5, NaN, Infinity, 2 ** 32, 2 ** 53]) {
    const error = assertThrows(() => file.fill(0, 8, value), RangeError, String(value));
    assert(error.message.includes("255") || error.message.includes("2^53"));
  }
  for (const value of ["1", null, 1n, {}, true]) {
    assertThrows(() => file.fill(0, 8, value as number), TypeError, "value");
  }
});

test("a source is a view, and not an empty one", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 4096 });
  for (const source of [undefined, null, "text", 5, 5n, {}, [1, 2], new ArrayBuffer(8), () => 1]) {
    assertThrows(() => file.write(0, source as unknown as Uint8Array), TypeError, "source");
  }
  const detached = new Uint8Array(8);
  detached.buffer.transfer();
  for (const source of [new Uint8Array(0), new DataView(new ArrayBuffer(0)), detached]) {
    assertThrows(() => file.write(0, source), RangeError, "0 bytes");
  }
  const data = new DataView(new ArrayBuffer(8));
  data.buffer.transfer();
  assertThrows(() => file.write(0, data), TypeError);
  assert(file.view(Uint8Array).every((byte) => byte === 0));
});

test("a source that is given again and again is read where it lies then, and refused once its buffer was moved away", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 4096 });
  for (const length of [8, 300]) {
    const source = new Uint8Array(new ArrayBuffer(length, { maxByteLength: 4096 }));
    for (let turn = 1; turn <= 4; turn++) {
      source.fill(turn);
      file.write(0, source);
      assert(file.view(Uint8Array, 0, length).every((byte) => byte === turn), `turn ${turn}`);
    }
    // In turn with another, and with one behind it in the same buffer
    const other = new Uint8Array(2 * length).fill(5), behind = other.subarray(length).fill(6);
    for (
      const [bytes, value] of [[other, 5], [source, 4], [behind, 6], [behind, 6], [source, 4], [behind, 6], [
        source,
        4,
      ]] as const
    ) {
      file.write(0, bytes);
      assert(file.view(Uint8Array, 0, length).every((byte) => byte === value), `${value}`);
    }
    source.buffer.resize(length / 2);
    file.write(0, source.fill(9));
    assertEquals([...file.view(Uint8Array, length / 2 - 1, 2)], [9, 4]);
    const moved = new Uint8Array(source.buffer.transfer());
    assertThrows(() => file.write(0, source), RangeError, "0 bytes");
    for (let turn = 1; turn <= 3; turn++) file.write(0, moved.fill(turn));
    assertEquals([...file.view(Uint8Array, length / 2 - 1, 2)], [3, 4]);
  }
});

test("options of write and fill are checked before a byte is written", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 4096 });
  const wrong = [null, 5, "nontemporal", { drain: 1 }, { drain: null }, {
    nontemporal: "no",
  }] as WriteOptions[];
  for (const options of wrong) {
    assertThrows(() => file.write(0, new Uint8Array([1]), options), TypeError, "is");
    assertThrows(() => file.fill(0, 1, 1, options), TypeError, "is");
  }
  assertEquals(file.view(Uint8Array)[0], 0);
});

test("nontemporal and drain reach native code as what they say", () => {
  using place = disk();
  const flags: number[] = [];
  const bits = Mode.nontemporal | Mode.temporal | Mode.noDrain;
  withNative((real) => ({
    daxfile1_copy: (a, b, c, mode) => flags.push(mode! & bits) && real.daxfile1_copy(a!, b!, c!, mode!),
    daxfile1_fill: (a, b, c, mode) => flags.push(mode! & bits) && real.daxfile1_fill(a!, b!, c!, mode!),
  }), () => {
    using file = open(place.path(), {
      create: true,
      size: 4096,
      forceGranularity: "cache-line" satisfies Granularity,
    });
    for (
      const options of [undefined, {}, { drain: true }, { drain: false }, { nontemporal: true }, {
        nontemporal: false,
      }]
    ) {
      file.write(0, new Uint8Array(8), options);
      file.fill(0, 8, 0, options);
      const expected =
        (options?.nontemporal === undefined ? 0 : options.nontemporal ? Mode.nontemporal : Mode.temporal) |
        (options?.drain === false ? Mode.noDrain : 0);
      assertEquals(flags.splice(0), [expected, expected]);
    }
  });
});
