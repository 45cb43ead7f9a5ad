// A pool does what a plain array does, whatever is written, thrown, closed or killed in between; and a failing disk makes no half of it.
// machines: none, it is about the bytes of a file, wherever that lies; transaction_test.ts is about the medium

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { DaxError, open, type Region } from "../../mod.ts";
import { openPool, type PoolOptions } from "../../src/transaction/mod.ts";
import { failingDisk, memory } from "../helpers/places.ts";

const size = 16384, sizes = { slotBytes: 256, overflowBytes: 2048 } as const;

/** A write within the first bytes of the data area, so that they meet, or anywhere. */
const write = fc.tuple(
  fc.oneof(fc.nat(300), fc.nat(10_000)),
  fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.uint8Array({ minLength: 50, maxLength: 400 })),
);
const writes = fc.array(write, { maxLength: 8 });
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom("commit", "commit", "commit", "throw", "nest", "direct"), writes }),
  fc.record({ kind: fc.constantFrom("close", "kill", "read"), writes: fc.constant([]) }),
);

test("any sequence of transactions, throws, direct writes, ends and reads does what it does to an array", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      using place = memory();
      const path = place.path();
      let pool = openPool(path, { create: true, size, ...sizes, forceGranularity: "cache-line" });
      const model = new Uint8Array(pool.dataLength);
      try {
        for (const { kind, writes } of steps) {
          const next = model.slice();
          const stage = (tx: Parameters<Parameters<typeof pool.transaction>[0]>[0]) => {
            for (const [at, bytes] of writes) {
              tx.write(at, bytes);
              next.set(bytes, at);
              const from = Math.max(0, at - 70);
              assertEquals(tx.read(from, 500), next.slice(from, from + 500));
              for (const near of [from, at, at + bytes.length - 1]) {
                assertEquals(tx.getUint8(near), next[near]);
                assertEquals(tx.getUint32(near), new DataView(next.buffer).getUint32(near, true));
              }
            }
          };
          if (kind === "throw") {
            assertThrows(
              () =>
                pool.transaction((tx) => {
                  stage(tx);
                  throw new Error("expected");
                }),
              Error,
              "expected",
            );
          } else if (kind === "direct") {
            for (const [at, bytes] of writes) {
              pool.file.view(Uint8Array, pool.dataOffset + at, bytes.length).set(bytes);
              pool.file.persist(pool.dataOffset + at, bytes.length);
              model.set(bytes, at);
            }
          } else if (kind === "close" || kind === "kill") {
            if (kind === "close") pool.close();
            else pool.file.close();
            pool = openPool(path, { forceGranularity: "cache-line" });
          } else {
            try {
              pool.transaction((tx) => kind === "nest" ? pool.transaction(stage) : stage(tx));
              model.set(next);
            } catch (error) {
              if (!(error instanceof RangeError && error.message.includes("has room for"))) throw error;
            }
          }
          assertEquals(pool.file.view(Uint8Array, pool.dataOffset, pool.dataLength).slice(), model);
        }
      } finally {
        pool.close();
      }
    }),
    { numRuns: 150 },
  );
});

test("a disk that fails within a transaction: an error, no more of them, and after the next open all of it or none", () => {
  const MiB = 2 ** 20, length = 12 * MiB;
  using place = failingDisk();
  const path = place.path(), options: PoolOptions = { create: true, size: 40 * MiB, overflowBytes: 16 * MiB };
  {
    using pool = openPool(path, options);
    pool.transaction((tx) => tx.write(0, new Uint8Array(100).fill(1)));
    const error = assertThrows(
      () => pool.transaction((tx) => tx.write(50, new Uint8Array(length).fill(2))),
      DaxError,
    );
    assert(["EIO", "ENOSPC"].includes(error.code), String(error));
    const again = assertThrows(
      () => pool.transaction((tx) => tx.setUint8(0, 3)),
      DaxError,
      "could not be made durable",
    );
    assert(again.cause === error);
    assertThrows(() => pool.file.persist(pool.dataOffset, 8), DaxError);
    assertEquals(pool.transaction((tx) => [tx.getUint8(0), tx.getUint8(50), tx.getUint8(100)]), [1, 1, 0]);
  }
  place.heal();
  using opened = openPool(path);
  const found = opened.transaction((tx) => tx.read(0, 50 + length));
  const wanted = new Uint8Array(50 + length).fill(1, 0, 100);
  if (found[50] !== 1) wanted.fill(2, 50);
  assert(found.every((byte, at) => byte === wanted[at]), `${found[50]}`);
});

/** A region that fails one call. */
function failing(region: Region, method: keyof Region, after: { calls: number }): Region {
  return new Proxy(region, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        if (name === method && after.calls-- === 0) {
          throw new DaxError({ operation: String(name), error: "EIO", path: target.path });
        }
        return value.apply(target, parameters);
      };
    },
  });
}

test("an error at any step of a commit or of settling stops the pool; the next open has all of the transaction or none", () => {
  const methods: (keyof Region)[] = ["commit", "writeRecord", "flush", "drain", "persist"];
  for (const method of methods) {
    for (let calls = 0; calls < 3; calls++) {
      for (const byteLength of [8, 1000]) {
        using place = memory();
        const path = place.path(), after = { calls: Infinity };
        const file = open(path, { create: true, size, forceGranularity: "cache-line" });
        const pool = openPool(failing(file as Region, method, after), { create: true, ...sizes });
        pool.transaction((tx) => tx.setUint32(4000, 7));
        after.calls = calls;
        let failure: unknown;
        try {
          pool.transaction((tx) => tx.write(0, new Uint8Array(byteLength).fill(1)));
          pool.file.persist(pool.dataOffset + 8000, 8);
        } catch (error) {
          failure = error;
        }
        const wasFatal = failure !== undefined && !(method === "persist" && after.calls < 0 && calls > 1);
        if (wasFatal) {
          after.calls = Infinity;
          try {
            pool.transaction((tx) => tx.setUint8(0, 9));
          } catch (error) {
            assert(error instanceof DaxError, String(error));
          }
        }
        file.close();
        using opened = openPool(path);
        const found = opened.transaction((tx) => tx.read(0, byteLength));
        assert([0, 1, 9].includes(found[0]!));
        assert(
          found.subarray(1).every((byte) => byte === (found[0] === 0 ? 0 : 1)),
          `${String(method)} ${calls}`,
        );
        assertEquals(opened.transaction((tx) => tx.getUint32(4000)), 7);
      }
    }
  }
});
