// machines: devdax
/**
 * The contract of a file, a log and a pool on a device-dax: its bytes are read by a second mapping, as there is no read(2). The library's own
 * tests make files, and so run on the other machines.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import process from "node:process";
import { test } from "node:test";
import { DaxError, type DaxFile, open, type OpenOptions, type ViewConstructor } from "../../mod.ts";
import { openLog } from "../../src/log/mod.ts";
import { array, f64, struct, u32 } from "../../src/struct/mod.ts";
import { openPool } from "../../src/transaction/mod.ts";
import { difference, pattern } from "../helpers/bytes.ts";
import { descriptors, mappings } from "../helpers/places.ts";

const path = process.env["DAXFILE_TEST_DEVICE"]!;
const viewTypes = [Int8Array, Uint8ClampedArray, Uint16Array, Int32Array, Float32Array, Float64Array] as (
  & ViewConstructor<Float64Array<ArrayBuffer>>
  & Float64ArrayConstructor
)[];
const granularities = ["cache-line", "byte"] as const;

/** Two mappings of the device: what is stored in one is read in the other. */
function twice(options: OpenOptions = {}): Disposable & { file: DaxFile; bytes: Uint8Array } {
  const file = open(path, options), other = open(path, { lock: "none" });
  return {
    file,
    bytes: other.view(Uint8Array),
    [Symbol.dispose]() {
      other.close();
      file.close();
    },
  };
}

/** Does something between bytes that must stay as they are. */
function checkAround(bytes: Uint8Array, byteOffset: number, expected: Uint8Array, change: () => void): void {
  const from = Math.max(0, byteOffset - 128), to = Math.min(bytes.length, byteOffset + expected.length + 128);
  const around = bytes.slice(from, to);
  change();
  around.set(expected, byteOffset - from);
  const place = difference(bytes.slice(from, to), around);
  assertEquals(place, -1, `${expected.length} bytes at ${byteOffset}: byte ${from + place}`);
}

test("it has the device's size, and is not made, cut or opened to be read only", () => {
  using file = open(path);
  assertEquals(file.size % (2 << 20), 0);
  for (const options of [{ create: true, size: 4096 }, { size: file.size - 4096 }]) {
    const error = assertThrows(() => open(path, { lock: "none", ...options }), DaxError, String(file.size));
    assertEquals(error.code, "EINVAL");
  }
  open(path, { lock: "none", create: true, size: file.size }).close();
  assertEquals(assertThrows(() => open(path, { lock: "none", readOnly: true }), DaxError).code, "ENOTSUP");
  assertEquals(assertThrows(() => open(path), DaxError).code, "EBUSY");
});

test("views of every type, at both ends and nowhere outside", () => {
  using both = twice();
  const { file, bytes } = both;
  for (const type of viewTypes) {
    const element = type.BYTES_PER_ELEMENT;
    for (const byteOffset of [0, 5 * element, file.size - 3 * element]) {
      const view = file.view(type, byteOffset, 3);
      view.set([1, 2, 3]);
      file.persist(view);
      const stored = new Uint8Array(type.from([1, 2, 3]).buffer);
      assertEquals(bytes.slice(byteOffset, byteOffset + 3 * element), stored);
    }
    assertEquals(file.view(type, file.size - element).length, 1);
    assertThrows(() => file.view(type, file.size - element, 2), RangeError, String(file.size));
    assertThrows(() => file.view(type, file.size), RangeError, String(file.size));
    if (element > 1) assertThrows(() => file.view(type, element - 1), RangeError, `multiple of ${element}`);
  }
});

for (const forceGranularity of granularities) {
  test(`${forceGranularity}: persist, flush and deepFlush of a range that begins and ends anywhere`, () => {
    using file = open(path, { forceGranularity });
    for (const method of ["persist", "flush", "deepFlush"] as const) {
      for (const byteOffset of [0, 1, 63, 64, 4095, 4097, file.size - 100]) {
        for (const byteLength of [1, 8, 63, 64, 65, 100]) file[method](byteOffset, byteLength);
      }
      for (
        const [byteOffset, byteLength] of [[file.size, 1], [file.size - 8, 9], [-1, 8], [0.5, 8]] as const
      ) {
        assertThrows(() => file[method](byteOffset, byteLength), RangeError);
      }
    }
    file.drain();
  });

  test(`${forceGranularity}: write and fill put these bytes there, and no byte beside`, () => {
    using both = twice({ forceGranularity });
    const { file, bytes } = both;
    for (const byteLength of [1, 7, 8, 9, 63, 64, 65, 255, 256, 300, 4096, 70_001]) {
      for (const byteOffset of [0, 1, 8, 63, 4090, file.size - byteLength]) {
        const written = pattern(byteLength, byteOffset);
        checkAround(bytes, byteOffset, written, () => file.write(byteOffset, written));
        const filled = new Uint8Array(byteLength).fill(0x7e);
        checkAround(bytes, byteOffset, filled, () => file.fill(byteOffset, byteLength, 0x7e));
      }
      assertThrows(() => file.write(file.size - byteLength + 1, pattern(byteLength)), RangeError);
      assertThrows(() => file.fill(file.size - byteLength + 1, byteLength), RangeError);
    }
  });

  test(`${forceGranularity}: store64 puts eight bytes there, and refuses what does not fit`, () => {
    using both = twice({ forceGranularity });
    const { file, bytes } = both;
    for (const value of [0, 1, -1, 2 ** 32 + 1, Number.MIN_SAFE_INTEGER, 2n ** 64n - 1n, -(2n ** 63n)]) {
      for (const byteOffset of [0, 56, 4088, file.size - 8]) {
        const expected = new Uint8Array(BigInt64Array.of(BigInt.asIntN(64, BigInt(value))).buffer);
        checkAround(bytes, byteOffset, expected, () => file.store64(byteOffset, value));
      }
    }
    for (const byteOffset of [4, file.size - 4, file.size]) {
      assertThrows(() => file.store64(byteOffset, 1), RangeError);
    }
  });

  test(`${forceGranularity}: sync writes back beside other calls; closed meanwhile it is a TypeError`, async () => {
    const before = [descriptors(path), mappings(path).length];
    {
      using file = open(path, { forceGranularity });
      const syncs = [file.sync(), file.sync()];
      file.write(0, new Uint8Array(300).fill(9));
      await Promise.all(syncs);
      assertEquals([...file.view(Uint8Array, 299, 1)], [9]);
    }
    const file = open(path, { forceGranularity });
    const settled = file.sync().then(() => undefined, (error) => error);
    file.close();
    const error = await settled;
    assert(
      error === undefined || (error instanceof TypeError && error.message.includes("is closed")),
      `${error}`,
    );
    open(path).close();
    assertEquals([descriptors(path), mappings(path).length], before);
  });
}

test("records of struct, a log and a pool live there", () => {
  {
    using file = open(path);
    const Point = struct({ id: u32, at: array(f64, 2) });
    const point = Point.at(file, 4096);
    point.id = 7;
    point.at.set(1, 2.5);
    point.persist();
    assertEquals([file.view(Uint32Array, 4096, 1)[0], Point.at(file, 4096).at.at(1)], [7, 2.5]);
    file.fill(0, file.size, 0);
  }
  {
    using log = openLog(path, { create: true });
    log.append(Uint8Array.of(1, 2, 3));
    log.appendAll([Uint8Array.of(4), new Uint8Array(5000)]);
  }
  {
    using log = openLog(path);
    assertEquals([...log].map(({ sequence, bytes }) => [sequence, bytes.length]), [[0, 3], [1, 1], [
      2,
      5000,
    ]]);
    assertThrows(() => openPool(path, { create: true, lock: "none" }), DaxError);
  }
  {
    using file = open(path);
    file.fill(0, 1 << 20, 0);
  }
  {
    using pool = openPool(path, { create: true });
    pool.transaction((tx) => tx.setFloat64(16, 1.5));
    assertThrows(
      () =>
        pool.transaction((tx) => {
          tx.setFloat64(16, 2.5);
          throw new Error("no");
        }),
      Error,
      "no",
    );
  }
  using pool = openPool(path);
  assertEquals(pool.transaction((tx) => tx.getFloat64(16)), 1.5);
});
