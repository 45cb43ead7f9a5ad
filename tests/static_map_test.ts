// The numbers behind a static file: which map of blocks is one to rely on, what a marker keeps of it, what is aligned.
// machines: none, it opens no file of ours

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { countHugePages, isCongruent, wereUsed } from "../src/huge_pages.ts";
import { misfitting } from "../src/static/aligned.ts";
import { badSectors } from "../src/static/bad_blocks.ts";
import {
  type BlockMap,
  blockMap,
  difference,
  misaligned,
  type Run,
  runsOf,
} from "../src/static/block_map.ts";
import { changed, decodeMarker, encodeMarker, markerLimitBytes, markerOf } from "../src/static/marker.ts";
import { physicalBase } from "../src/static/physical.ts";
import { isRefusal } from "../src/static/refusal.ts";
import { type Extent, ExtentFlag } from "../src/system.ts";

const page = 4096, MiB = 2 ** 20;

function extent(byteOffset: number, physical: number, byteLength: number, flags = 0): Extent {
  return { byteOffset, physical, byteLength, flags };
}

function mapOf(extents: Extent[], size: number): BlockMap {
  const map = blockMap(extents, size);
  if (isRefusal(map)) throw new Error(map.reason);
  return map;
}

function refusalOf(extents: Extent[], size: number): string {
  const map = blockMap(extents, size);
  assert(isRefusal(map));
  assertEquals(map.error, "EINVAL");
  assert(map.hint !== undefined);
  return map.reason;
}

test("a map without gaps is put together where it touches, and ends with the file", () => {
  const last = ExtentFlag.last;
  assertEquals(
    mapOf([
      extent(0, 8 * page, page),
      extent(page, 9 * page, page),
      extent(2 * page, 4 * page, 9 * page, last),
    ], 3 * page - 1)
      .runs,
    [
      { byteOffset: 0, physical: 8 * page, byteLength: 2 * page },
      { byteOffset: 2 * page, physical: 4 * page, byteLength: page - 1 },
    ],
  );
  // What is allocated beyond the end may be anything
  assertEquals(
    mapOf([extent(0, page, page), extent(page, 8 * page, page, ExtentFlag.unwritten)], page).runs.length,
    1,
  );
});

test("a gap anywhere is refused, with its place", () => {
  assertStringIncludes(refusalOf([], page), "4096 bytes from byte 0 on have no block");
  assertStringIncludes(
    refusalOf([extent(page, 0, page)], 2 * page),
    "4096 bytes from byte 0 on have no block",
  );
  assertStringIncludes(
    refusalOf([extent(0, 0, page), extent(3 * page, page, page)], 4 * page),
    "8192 bytes from byte 4096 on have no block",
  );
  assertStringIncludes(
    refusalOf([extent(0, 0, page)], page + 1),
    "1 byte from byte 4096 on has no block".replace("has", "have"),
  );
  assertStringIncludes(refusalOf([], 0), "empty");
  assertStringIncludes(
    refusalOf([extent(0, 0, 2 * page), extent(page, 9 * page, page)], 2 * page + 1),
    "twice",
  );
});

test("each flag that stands against a block is refused, whatever else is set", () => {
  const words: Record<string, string> = {
    unknown: "does not tell",
    delayed: "no block yet",
    encoded: "compressed or encrypted",
    misaligned: "whole block",
    inline: "inside the inode",
    unwritten: "never written",
    shared: "shared with another file",
  };
  for (const [name, flag] of Object.entries(ExtentFlag)) {
    if (name === "last") continue;
    for (const more of [0, ExtentFlag.last, 0x1000 /* merged */]) {
      const reason = refusalOf([extent(0, page, page), extent(page, 7 * page, page, flag | more)], 2 * page);
      assertStringIncludes(reason, words[name]!);
      assertStringIncludes(reason, "4096 bytes from byte 4096 on");
    }
  }
  assertEquals(Object.keys(words).length, Object.keys(ExtentFlag).length - 1);
});

test("a run is aligned by its address, where the device begins counted in, and by its place in the file", () => {
  const align = 2 * MiB;
  const runs: Run[] = [{ byteOffset: 0, physical: 3 * MiB, byteLength: align }];
  assertEquals(misaligned({ runs }, align, MiB), undefined);
  assertEquals(misaligned({ runs }, align, 0), runs[0]);
  assertEquals(misaligned({ runs }, page, 0), undefined);
  assertEquals(misaligned({ runs }, page, 512), runs[0]);
  // A short one may only be the last: the next begins where it ends
  const short: Run[] = [{ byteOffset: 0, physical: 0, byteLength: MiB }, {
    byteOffset: MiB,
    physical: 4 * MiB,
    byteLength: MiB,
  }];
  assertEquals(misaligned({ runs: short }, align, 0), short[1]);
  assertEquals(misaligned({ runs: short.slice(0, 1) }, align, 0), undefined);
});

test("a difference is named: size, moved, split, grown, gone", () => {
  const was = mapOf([extent(0, 8 * page, 4 * page)], 4 * page);
  const other = (...extents: Extent[]) =>
    difference(was, { size: 4 * page, runs: runsOf(extents, 4 * page) });
  assertEquals(other(extent(0, 8 * page, 2 * page), extent(2 * page, 10 * page, 2 * page)), undefined);
  const bytes = "16384 bytes from byte 0 on lay at 32768 of the device";
  assertEquals(other(extent(0, 16 * page, 4 * page)), `${bytes}, and lie at 65536`);
  assertEquals(
    other(extent(0, 8 * page, page), extent(page, 0, 3 * page)),
    `${bytes}, and from byte 4096 on they lie at 0`,
  );
  assertEquals(
    other(extent(0, 8 * page, page), extent(2 * page, 10 * page, 2 * page)),
    `${bytes}, and from byte 4096 on they have no block`,
  );
  assertEquals(other(), `${bytes}, and have no block`);
  assertEquals(difference(was, { ...was, size: 9 }), "it had 16384 bytes, and has 9");
});

const runs = fc.array(
  fc.record({
    gap: fc.integer({ min: 1, max: 999 }),
    physical: fc.integer({ min: 0, max: 2 ** 38 }),
    pages: fc.integer({ min: 1, max: 2 ** 20 }),
  }),
  { minLength: 1, maxLength: 200 },
).map((parts) => {
  let end = 0;
  return parts.map(({ physical, pages }) => {
    const run = { byteOffset: end, physical: physical * page, byteLength: pages * page };
    end += run.byteLength;
    return run;
  });
});

const sizeOf = (list: readonly Run[]) => list.at(-1)!.byteOffset + list.at(-1)!.byteLength;

test("a marker is read as it was written, fits, and knows every other map", () => {
  fc.assert(
    fc.property(
      runs,
      fc.nat(),
      fc.nat(),
      fc.boolean(),
      fc.boolean(),
      (list, which, by, noAccessTime, noDump) => {
        const map = { size: sizeOf(list), runs: list };
        const marker = markerOf(map, 2 * MiB, { noAccessTime, noDump });
        const text = encodeMarker(marker);
        assert(text.length <= markerLimitBytes, String(text.length));
        assertEquals(decodeMarker(text), marker);
        assertEquals(changed(marker, map), undefined);
        const index = which % list.length;
        const moved = list.map((run, at) =>
          at === index ? { ...run, physical: run.physical + (1 + by) * page } : run
        );
        assert(changed(marker, { ...map, runs: moved }) !== undefined);
        assert(changed(marker, { ...map, size: map.size - 1 }) !== undefined);
        if (list.length > 1) assert(changed(marker, { ...map, runs: list.slice(0, -1) }) !== undefined);
      },
    ),
  );
});

test("what is no marker of this version is none", () => {
  const text = encodeMarker(
    markerOf({ size: page, runs: [{ byteOffset: 0, physical: 0, byteLength: page }] }, page, {
      noAccessTime: false,
      noDump: false,
    }),
  );
  for (
    const bad of [
      "",
      "2" + text.slice(1),
      `${text} `,
      `${text} 1+2`,
      text.replace("=", ""),
      text.replace(" nodump=0", ""),
      text.slice(0, -1).replace(/ \S+$/, " x"),
      `\n${text}`,
    ]
  ) {
    assertEquals(decodeMarker(bad), undefined, bad);
  }
  fc.assert(fc.property(fc.string(), (noise) => void decodeMarker(noise)));
});

test("what is taken out leaves aligned runs of the length that is asked", () => {
  const align = 2 * MiB;
  fc.assert(fc.property(runs, fc.nat({ max: 511 }), (list, basePages) => {
    const base = basePages * page;
    const misfits = misfitting(list, align, base, Infinity);
    // What is left, moved together
    const left: Run[] = [];
    let end = 0;
    for (const { byteOffset, physical, byteLength } of list) {
      let [from, to] = [byteOffset, byteOffset + byteLength];
      for (const misfit of misfits) {
        if (misfit.byteOffset === from) from += misfit.byteLength;
        else if (misfit.byteOffset + misfit.byteLength === to) to -= misfit.byteLength;
      }
      if (from >= to) continue;
      left.push({ byteOffset: end, physical: physical + from - byteOffset, byteLength: to - from });
      end += to - from;
    }
    assertEquals(misaligned({ runs: left }, align, base), undefined);
    for (const { byteLength } of left) assertEquals(byteLength % align, 0);
    for (let index = 1; index < misfits.length; index++) {
      const { byteOffset, byteLength } = misfits[index - 1]!;
      assert(byteOffset + byteLength <= misfits[index]!.byteOffset);
    }
  }));
  // The last run may be short, and what is beyond is no matter
  const two = [{ byteOffset: 0, physical: page, byteLength: 4 * MiB }, {
    byteOffset: 4 * MiB,
    physical: 64 * MiB,
    byteLength: 4 * MiB,
  }];
  assertEquals(misfitting(two, align, 0, 3 * MiB), [
    { byteOffset: 0, byteLength: 2 * MiB - page },
    { byteOffset: 4 * MiB - page, byteLength: page },
  ]);
  assertEquals(misfitting(two.slice(1), align, 0, 3 * MiB), []);
});

test("pages of 2 MiB are counted where a run lies as it does in the file", () => {
  const run = (byteOffset: number, physical: number, byteLength: number) => ({
    byteOffset,
    physical,
    byteLength,
  });
  assertEquals(countHugePages([run(0, 0, 5 * MiB)], 5 * MiB, 0), { total: 2, possible: 2 });
  assertEquals(countHugePages([run(0, page, 8 * MiB)], 8 * MiB, 0), { total: 4, possible: 0 });
  assertEquals(countHugePages([run(0, page, 8 * MiB)], 8 * MiB, 2 * MiB - page), { total: 4, possible: 4 });
  assertEquals(countHugePages([run(MiB, 3 * MiB, 4 * MiB)], 5 * MiB, 0), { total: 2, possible: 1 });
  assertEquals(countHugePages([run(0, 0, 3 * MiB), run(3 * MiB, 9 * MiB, 3 * MiB)], 6 * MiB, 0), {
    total: 3,
    possible: 2,
  });
  assertEquals(isCongruent(run(page, page, 1), 0), true);
  assertEquals([
    wereUsed(4, { total: 4, possible: 4 }, 8 * MiB),
    wereUsed(2048, { total: 4, possible: 4 }, 8 * MiB),
  ], [true, false]);
  assertEquals(wereUsed(0, { total: 4, possible: 0 }, 8 * MiB), false);
});

test("where a device lies in memory: disk, partition, device-mapper, and where it is not told", () => {
  const device = { major: 259, minor: 1 };
  const base = (texts: Record<string, string>, folders: Record<string, string[]> = {}) =>
    physicalBase(device, {
      readText: (path) => texts[path],
      readLink: (path) =>
        path === "/sys/dev/block/259:1" ? "../../devices/pmem0/block/pmem0/pmem0p1" : undefined,
      listDirectory: (path) => folders[path] ?? [],
    });
  const disk = "/sys/devices/pmem0/block/pmem0", part = `${disk}/pmem0p1`;
  assertEquals(base({ [`${part}/device/resource`]: "0x140200000\n" }), { base: 0x140200000 });
  const partition = { [`${part}/partition`]: "1\n", [`${part}/start`]: "2056\n" };
  assertEquals(base({ ...partition, [`${disk}/device/resource`]: "0x140200000\n" }), {
    base: 0x140200000 + 2056 * 512,
  });
  const reason = (found: ReturnType<typeof base>) => isRefusal(found) ? found.reason : "";
  assertStringIncludes(reason(base(partition)), "cannot be read");
  assertStringIncludes(reason(base({ [`${part}/device/resource`]: "0x0" })), "cannot be read");
  assertStringIncludes(reason(base({}, { [`${part}/slaves`]: ["pmem0"] })), "device-mapper");
  const none = physicalBase(device, {
    readText: () => undefined,
    readLink: () => undefined,
    listDirectory: () => [],
  });
  assertStringIncludes(reason(none as ReturnType<typeof base>), "not listed");
});

test("the kernel's list of bad sectors", () => {
  assertEquals(badSectors("1024 8\n4096 1\n"), [[1024, 8], [4096, 1]]);
  assertEquals(badSectors(""), []);
});
