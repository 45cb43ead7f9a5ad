// store64 puts eight bytes there at once, little-endian, and refuses what does not fit.
// machines: files

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { open } from "../mod.ts";
import { readAt } from "./helpers/bytes.ts";
import { medium, memory } from "./helpers/places.ts";

const granularities = ["byte", "cache-line", "page"] as const;

const good: readonly (number | bigint)[] = [
  ...[0, -0, 1, -1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52 + 3, Number.MAX_SAFE_INTEGER],
  ...[-(2 ** 31), -(2 ** 32), -(2 ** 32) - 1, -(2 ** 52) - 3, Number.MIN_SAFE_INTEGER],
  ...[0n, 1n, -1n, 0x0123_4567_89ab_cdefn, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)],
];

for (const forceGranularity of granularities) {
  test(`${forceGranularity}: every value in range, as number and as bigint, and no byte beside`, () => {
    using place = medium();
    using file = open(place.path(), { create: true, size: 4096, forceGranularity });
    const bytes = file.view(Uint8Array);
    for (const value of good) {
      for (const byteOffset of [0, 8, 56, 64, 4088]) {
        bytes.fill(0xc5);
        file.store64(byteOffset, value);
        const expected = new Uint8Array(4096).fill(0xc5);
        new DataView(expected.buffer).setBigInt64(byteOffset, BigInt(value), true);
        assertEquals(bytes.findIndex((byte, i) => byte !== expected[i]), -1, `${value} at ${byteOffset}`);
      }
    }
    assertEquals(new DataView(readAt(place.path(), 4088, 8).buffer).getBigInt64(0, true), -(2n ** 63n));
  });
}

test("a value that is no integer of 64 bits is a RangeError that names it", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 4096 });
  for (
    const value of [0.5, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 1e300, 2n ** 64n, -(2n ** 63n) - 1n]
  ) {
    assertThrows(() => file.store64(0, value), RangeError, String(value));
  }
  for (const value of ["1", null, undefined, {}, [1], true, Symbol("x")]) {
    assertThrows(() => file.store64(0, value as number), TypeError, "value is a number or bigint");
  }
  assertEquals(file.view(BigUint64Array)[0], 0n);
});

test("an offset that is misaligned or outside is a RangeError that names it", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 4100 });
  for (const byteOffset of [1, 4, 7, 9, 4087]) {
    assertThrows(
      () => file.store64(byteOffset, 1),
      RangeError,
      `byteOffset ${byteOffset} is not a multiple of 8`,
    );
  }
  for (const byteOffset of [4093, 4096, 4100, 8192, 2 ** 53 - 1]) {
    assertThrows(() => file.store64(byteOffset, 1), RangeError, "4100");
  }
  assertEquals(file.view(Uint8Array).every((byte) => byte === 0), true);
});

test("an offset above 2^32 is misaligned by its low bits too", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 2 ** 33 + 4096, sparse: true });
  file.store64(2 ** 33 + 8, 5);
  assertEquals(file.view(BigUint64Array, 2 ** 33 + 8, 1)[0], 5n);
  for (const byteOffset of [2 ** 31 + 2, 2 ** 32 + 1, 2 ** 33 + 12]) {
    const message = `byteOffset ${byteOffset} is not a multiple of 8`;
    assertThrows(() => file.store64(byteOffset, 1), RangeError, message);
    assertThrows(() => file.writeRecord(byteOffset, new Uint8Array(1), 1, 1, 1), RangeError, message);
  }
});
