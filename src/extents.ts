/**
 * A file's map of blocks in words: which runs of it lie where on the device, and how much of it is not there, not written or not its
 * own.
 *
 * @module
 */

import { type Extent, ExtentFlag } from "./system.ts";

/**
 * What is special about an extent, in the words of fiemap(2): allocated but never `unwritten`, `shared` with another file, still in the
 * page cache (`delayed`), stored inside the inode (`inline`), compressed or encrypted (`encoded`), not at a whole block
 * (`misaligned`), or at a place that the file system does not tell (`unknown`).
 */
export type ExtentFlagName =
  | "unwritten"
  | "shared"
  | "delayed"
  | "inline"
  | "encoded"
  | "misaligned"
  | "unknown";

/** A run of a file's bytes that lie together on its device. Offsets and lengths in bytes. */
export interface ExtentRun {
  /** Where it begins in the file. */
  readonly byteOffset: number;
  /** Where it begins on the file system's block device. */
  readonly physicalOffset: number;
  /** How long it is. */
  readonly byteLength: number;
  /** What is special about it; empty for an ordinary one. */
  readonly flags: readonly ExtentFlagName[];
}

/** A file's map of blocks. */
export interface Extents {
  /** How many runs there are. */
  readonly count: number;
  /** Bytes that have no block. */
  readonly holeBytes: number;
  /** Bytes that have a block but were never written. */
  readonly unwrittenBytes: number;
  /** Bytes that another file shares (reflink, snapshot). */
  readonly sharedBytes: number;
  /** Bytes that are still in the page cache: they get their block when they are written back. */
  readonly delayedBytes: number;
  /** The runs, from the start of the file to its end; those beyond its end too. */
  readonly runs: readonly ExtentRun[];
}

const flagNames: readonly ExtentFlagName[] = [
  "unwritten",
  "shared",
  "delayed",
  "inline",
  "encoded",
  "misaligned",
  "unknown",
];

/**
 * Puts a map of blocks into words.
 *
 * @param extents as the kernel gave them
 * @param size length of the file in bytes: what lies beyond it is listed, and not summed
 */
export function describeExtents(extents: readonly Extent[], size: number): Extents {
  const runs = extents.map(({ byteOffset, physical, byteLength, flags }) => ({
    byteOffset,
    physicalOffset: physical,
    byteLength,
    flags: flagNames.filter((name) => (flags & ExtentFlag[name]) !== 0),
  }));
  const sum = (wanted: (run: ExtentRun) => boolean) =>
    runs.filter(wanted).reduce(
      (bytes, { byteOffset, byteLength }) =>
        bytes + Math.max(0, Math.min(size, byteOffset + byteLength) - byteOffset),
      0,
    );
  return {
    count: runs.length,
    holeBytes: size - sum(() => true),
    unwrittenBytes: sum(({ flags }) => flags.includes("unwritten")),
    sharedBytes: sum(({ flags }) => flags.includes("shared")),
    delayedBytes: sum(({ flags }) => flags.includes("delayed")),
    runs,
  };
}
