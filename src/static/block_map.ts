/**
 * A file's map of blocks as the seal needs it: complete, written, its own, and aligned; and what is different between two of them.
 * Only numbers here: who reads the map of the kernel is seal.ts.
 *
 * @module
 */

import { type Extent, ExtentFlag } from "../system.ts";
import { counted } from "../units.ts";
import type { Refusal } from "./refusal.ts";

/** Bytes that lie together, in the file and on its device: as long as the map allows. */
export interface Run {
  readonly byteOffset: number;
  readonly physical: number;
  readonly byteLength: number;
}

/** Where all bytes of a file are. What lies beyond its end does not count: a file system may take that back at any time. */
export interface BlockMap {
  readonly size: number;
  readonly runs: readonly Run[];
}

const copyHint =
  "Make a copy of it, which has blocks of its own: `cp --sparse=never --reflink=never FILE COPY`";
const fillHint =
  "Let daxfile create it with static: true, or make a copy: `cp --sparse=never --reflink=never FILE COPY`";

/** What stands against an extent, by FIEMAP's flags. */
const objections: readonly [number, string, string][] = [
  [ExtentFlag.unwritten, "were allocated and never written: the first store would change the map", fillHint],
  [ExtentFlag.shared, "are shared with another file: a store would move them", copyHint],
  [ExtentFlag.delayed, "have no block yet: they are still in the page cache", "Sync the file first"],
  [ExtentFlag.inline, "lie inside the inode, and move when the file grows", "Make it larger than a block"],
  [ExtentFlag.encoded, "are compressed or encrypted", copyHint],
  [ExtentFlag.misaligned, "do not begin at a whole block", copyHint],
  [ExtentFlag.unknown, "lie at a place that the file system does not tell", copyHint],
];

/**
 * The map of a file, if every byte up to its end has a written block of its own.
 *
 * @param extents as the kernel gave them
 * @param size length of the file in bytes
 */
export function blockMap(extents: readonly Extent[], size: number): BlockMap | Refusal {
  if (size === 0) return { error: "EINVAL", reason: "it is empty", hint: "Give it its size first" };
  let end = 0;
  for (const { byteOffset, byteLength, flags } of extents) {
    if (end >= size) break;
    if (byteOffset > end) return hole(end, Math.min(byteOffset, size));
    if (byteOffset < end) {
      return { error: "EINVAL", reason: `its map of blocks has byte ${byteOffset} twice`, hint: copyHint };
    }
    for (const [flag, what, hint] of objections) {
      if ((flags & flag) === 0) continue;
      const bytes = counted(Math.min(byteLength, size - byteOffset), "byte");
      return { error: "EINVAL", reason: `${bytes} from byte ${byteOffset} on ${what}`, hint };
    }
    end = byteOffset + byteLength;
  }
  return end < size ? hole(end, size) : { size, runs: runsOf(extents, size) };
}

function hole(start: number, end: number): Refusal {
  const reason = `${
    counted(end - start, "byte")
  } from byte ${start} on have no block: a store would allocate one`;
  return { error: "EINVAL", reason, hint: fillHint };
}

/** The extents, put together where they touch and cut off at the end of the file. */
export function runsOf(extents: readonly Extent[], size: number): Run[] {
  const runs: Run[] = [];
  for (const { byteOffset, physical, byteLength: whole } of extents) {
    if (byteOffset >= size) continue;
    const byteLength = Math.min(whole, size - byteOffset);
    const last = runs.at(-1);
    const together = last !== undefined && last.byteOffset + last.byteLength === byteOffset &&
      last.physical + last.byteLength === physical;
    if (together) runs[runs.length - 1] = { ...last, byteLength: last.byteLength + byteLength };
    else runs.push({ byteOffset, physical, byteLength });
  }
  return runs;
}

/**
 * The first run that does not begin at a multiple of `alignBytes`, in the file or in physical memory. A run may be short only where the
 * file ends, which follows: another one begins where it stops.
 *
 * @param base physical address of the first byte of the file system's device
 */
export function misaligned(
  { runs }: Pick<BlockMap, "runs">,
  alignBytes: number,
  base: number,
): Run | undefined {
  return runs.find(({ byteOffset, physical }) =>
    byteOffset % alignBytes !== 0 || (base + physical) % alignBytes !== 0
  );
}

/** What is different, in words; undefined where nothing is. `was` may end early: then only what it has is compared. */
export function difference(was: BlockMap, is: BlockMap): string | undefined {
  if (was.size !== is.size) return `it had ${was.size} bytes, and has ${is.size}`;
  for (const [index, before] of was.runs.entries()) {
    const { byteOffset, physical, byteLength } = before;
    const after = is.runs[index];
    if (after?.byteOffset === byteOffset && after.physical === physical && after.byteLength === byteLength) {
      continue;
    }
    const bytes = `${
      counted(byteLength, "byte")
    } from byte ${byteOffset} on lay at ${physical} of the device`;
    if (after === undefined || after.byteOffset > byteOffset) return `${bytes}, and have no block`;
    if (after.physical !== physical) return `${bytes}, and lie at ${after.physical}`;
    const next = is.runs[index + 1];
    const rest = byteOffset + after.byteLength;
    if (after.byteLength > byteLength) return `${bytes}, and ${after.byteLength} do`;
    return next?.byteOffset === rest
      ? `${bytes}, and from byte ${rest} on they lie at ${next.physical}`
      : `${bytes}, and from byte ${rest} on they have no block`;
  }
  return undefined;
}
