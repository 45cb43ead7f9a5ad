/**
 * Pages of 2 MiB: how many of a file's blocks can be mapped by one entry each, and how many the kernel did map so.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { mapFile, unmapFile } from "./mapping.ts";
import { pageBytes } from "./options.ts";
import type { Run } from "./static/block_map.ts";
import { O, openFile, readText, withFile } from "./system.ts";

/** What one entry maps, in bytes. */
export const hugeBytes: number = 2 ** 21;

/** How much of a file can be mapped in pages of 2 MiB. */
export interface HugePages {
  /** Whole stretches of 2 MiB that the file has. */
  readonly total: number;
  /** Those that lie together in memory, and aligned. */
  readonly possible: number;
  /** Physical address of the first byte of the file system's device; only root may know it. */
  readonly base?: number;
  /** Why it is not known how many are; `possible` is then 0. */
  readonly unknown?: string;
}

/**
 * Counts them.
 *
 * @param runs the file's blocks, without those that would be allocated at the first touch
 * @param size length of the file in bytes
 * @param base physical address where its device begins
 */
export function countHugePages(runs: readonly Run[], size: number, base: number): HugePages {
  const total = Math.floor(size / hugeBytes);
  let possible = 0;
  for (const run of runs) {
    if (!isCongruent(run, base)) continue;
    const first = Math.ceil(run.byteOffset / hugeBytes);
    const last = Math.min(total, Math.floor((run.byteOffset + run.byteLength) / hugeBytes));
    possible += Math.max(0, last - first);
  }
  return { total, possible };
}

/** Whether a run lies in memory as it lies in the file, seen from a boundary of 2 MiB. */
export function isCongruent({ byteOffset, physical }: Omit<Run, "byteLength">, base: number): boolean {
  return (base + physical - byteOffset) % hugeBytes === 0;
}

/**
 * Maps a file to be read, reads all of it once, and counts the page faults that it took. The file is not changed.
 *
 * @returns the number of faults, one or two more or less: the runtime has some of its own; or −errno
 */
export function touch(path: string, byteLength: number): number {
  let file = openFile(path, O.readOnly | O.nonblock | O.noAccessTime);
  if (file === -1) file = openFile(path, O.readOnly | O.nonblock);
  if (file < 0) return file;
  return withFile(file, () => {
    const address = mapFile(file, byteLength, { writable: false });
    if (address < 0) return address;
    const { native } = library();
    const mode = native.daxfile1_cpu();
    const read = () => {
      const before = minorFaults();
      native.daxfile1_checksum(address, byteLength, 0, mode);
      return minorFaults() - before;
    };
    // What is counted the second time is this runtime's own
    const first = read(), own = read();
    unmapFile(address, byteLength);
    return Math.max(0, first - own);
  });
}

/** Whether so many faults are those of pages of 2 MiB: more than half of what can be has taken one in place of 512. */
export function wereUsed(faults: number, { possible }: HugePages, byteLength: number): boolean {
  const pages = Math.ceil(byteLength / pageBytes());
  return possible > 0 && faults < pages - possible * (hugeBytes / pageBytes()) / 2;
}

/** Of this thread so far: field 10 of proc_pid_stat(5); the name before may hold spaces. */
function minorFaults(): number {
  const text = readText("/proc/thread-self/stat") ?? "";
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[7]);
}
