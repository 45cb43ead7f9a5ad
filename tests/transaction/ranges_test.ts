// What was changed in place and must be written back: no range is ever forgotten, whatever others have the same hash.
// machines: none, it opens no file of ours

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import type { Region } from "../../mod.ts";
import { Ranges } from "../../src/transaction/ranges.ts";

/** What flushing gives to a file. */
function flushed(ranges: Ranges, granularity: Region["granularity"]): [number, number][] {
  const calls: [number, number][] = [];
  const file = {
    granularity,
    flush: (byteOffset: number, byteLength: number) => calls.push([byteOffset, byteLength]),
  };
  ranges.flush(file as unknown as Region);
  return calls;
}

const range = fc.tuple(
  fc.oneof(fc.nat(200), fc.nat(2 ** 31), fc.nat(2 ** 48)),
  fc.integer({ min: 1, max: 65528 }),
);

test("every range that was added is written back, one that is added again only once", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 3000, size: "max" }), (added) => {
      const ranges = new Ranges(added.length);
      for (const [byteOffset, byteLength] of added) ranges.add(byteOffset, byteLength);
      const longest = new Map<number, number>();
      for (const [byteOffset, byteLength] of flushed(ranges, "cache-line")) {
        longest.set(byteOffset, Math.max(byteLength, longest.get(byteOffset) ?? 0));
      }
      for (const [byteOffset, byteLength] of added) assert(longest.get(byteOffset)! >= byteLength);
      if (added.length > 0) {
        const [[start, length]] = flushed(ranges, "page") as [[number, number]];
        assert(
          added.every(([byteOffset, byteLength]) =>
            byteOffset >= start && byteOffset + byteLength <= start + length
          ),
        );
      }
    }),
    { numRuns: 50 },
  );
  const ranges = new Ranges(10);
  for (let i = 0; i < 1000; i++) ranges.add(64 + i % 4 * 8, 8);
  assertEquals(flushed(ranges, "byte"), [[64, 8], [72, 8], [80, 8], [88, 8]]);
});

test("ranges that were taken back are not known any more", () => {
  // Of so many that these two are not remembered in one place
  const ranges = new Ranges(1024);
  ranges.add(64, 8);
  ranges.add(128, 8);
  ranges.count = 1;
  ranges.add(128, 8);
  ranges.add(64, 4);
  assertEquals(flushed(ranges, "cache-line"), [[64, 8], [128, 8]]);
  ranges.count = 0;
  assertEquals(flushed(ranges, "page"), []);
  ranges.add(64, 4);
  assertEquals(flushed(ranges, "cache-line"), [[64, 4]]);
});
