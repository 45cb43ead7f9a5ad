/**
 * Blocks that begin at multiples of 2 MiB, so that the kernel maps them with one entry each: no file system gives them for the asking, so
 * more is allocated than is needed, and what does not fit is taken out again.
 *
 * @module
 */

import { library } from "../../ffi/library.ts";
import { blockDeviceOf, kernelFiles, mediumOf } from "../medium.ts";
import { fileExtents, statFile } from "../system.ts";
import { type Run, runsOf } from "./block_map.ts";
import { setExtentSize } from "./inode.ts";
import { physicalBase } from "./physical.ts";
import { isRefusal } from "./refusal.ts";

/** How often more is asked for. Each time is another extent or two, on a file system that is in pieces. */
const triesMax = 64;

const EINVAL = 22, EOPNOTSUPP = 95;

/**
 * Allocates an empty file in extents that are aligned in physical memory, as far as the file system has them; the length of the file
 * is then at most `size`. Where it has not, or the device is none that can be mapped, the blocks are where they are: allocating the
 * rest is for the caller.
 *
 * @returns 0, or −ENOSPC, −EIO, …
 */
export function allocateAligned(file: number, size: number, alignBytes: number): number {
  const stat = statFile(file);
  if (typeof stat === "number" || !stat.dax) return 0;
  const medium = mediumOf(file, stat);
  // Where the base may not be read it is taken to be a multiple of what is asked for, as that of every namespace of ndctl is
  const found = physicalBase(blockDeviceOf(stat, medium), kernelFiles);
  const base = isRefusal(found) ? 0 : found.base;
  if (medium.fileSystem === "xfs") setExtentSize(file, alignBytes);
  const { native } = library();
  const blockBytes = stat.blockBytes;
  let end = 0;
  for (let tries = 0, wanted = Math.ceil(size / blockBytes) * blockBytes; tries < triesMax; tries++) {
    const result = native.daxfile1_allocate(file, end, wanted);
    // No room for more than is needed: the caller allocates what is, and says so if there is none
    if (result < 0) break;
    end += wanted;
    const extents = fileExtents(file, false);
    if (typeof extents === "number") return 0;
    const misfits = misfitting(runsOf(extents, end), alignBytes, base, size);
    const missing = size - (end - misfits.reduce((sum, { byteLength }) => sum + byteLength, 0));
    if (missing <= 0) return takeOut(file, misfits, end);
    wanted = Math.ceil(missing / alignBytes) * alignBytes + alignBytes;
  }
  const result = native.daxfile1_truncate(file, end);
  return result < 0 ? result : native.daxfile1_truncate(file, 0);
}

/**
 * What has to be taken out of the runs of a file so that each begins aligned in physical memory and, once the others are out, in the
 * file; in the order of the file. What is needed of the last one may be short.
 */
export function misfitting(
  runs: readonly Run[],
  alignBytes: number,
  base: number,
  size: number,
): { byteOffset: number; byteLength: number }[] {
  const misfits: { byteOffset: number; byteLength: number }[] = [];
  let kept = 0;
  for (const { byteOffset, physical, byteLength } of runs) {
    if (kept >= size) break;
    const head = Math.min(byteLength, (alignBytes - (base + physical) % alignBytes) % alignBytes);
    if (head > 0) misfits.push({ byteOffset, byteLength: head });
    const rest = byteLength - head;
    // All that is still wanted, or whole multiples
    const use = kept + rest >= size ? rest : Math.floor(rest / alignBytes) * alignBytes;
    if (rest > use) misfits.push({ byteOffset: byteOffset + head + use, byteLength: rest - use });
    kept += use;
  }
  return misfits;
}

/** From the last to the first, so that the places of the others stay what they are. */
function takeOut(
  file: number,
  misfits: readonly { byteOffset: number; byteLength: number }[],
  end: number,
): number {
  const { native } = library();
  // A range that is taken out must end before the file does
  let result = native.daxfile1_truncate(file, end + 2 ** 20);
  for (const { byteOffset, byteLength } of misfits.toReversed()) {
    if (result >= 0) result = native.daxfile1_collapse(file, byteOffset, byteLength);
  }
  // A file system that cannot take out leaves them where they are
  return result === -EOPNOTSUPP || result === -EINVAL ? 0 : result;
}
