/**
 * A file's blocks as one line of characters, each for as many bytes as the width asks.
 *
 * @module
 */

import type { ExtentRun } from "../extents.ts";

/** What a character stands for; of several in one place the first of these is shown. */
const symbols = [
  ["·", "hole"],
  ["s", "shared"],
  ["u", "never written"],
  ["d", "not yet placed"],
  ["?", "encoded, inline or at an unknown place"],
  ["m", "not aligned to 2 MiB"],
  ["█", "written"],
  ["▒", "written, the next extent"],
] as const;

/** The line, and for each character that is in it what it means. */
export interface Strip {
  readonly line: string;
  readonly legend: readonly (readonly [string, string])[];
}

/**
 * Draws the strip.
 *
 * @param runs from the start of the file on
 * @param size length of the file in bytes, more than 0
 * @param width number of characters; fewer where the file has fewer blocks
 * @param isMisaligned whether a run cannot be mapped in pages of 2 MiB; false where that is not known
 */
export function strip(
  runs: readonly ExtentRun[],
  size: number,
  width: number,
  isMisaligned: (run: ExtentRun) => boolean,
): Strip {
  const cells = Math.max(1, Math.min(width, Math.ceil(size / 4096)));
  const kinds = new Array<number>(cells).fill(symbols.length);
  const mark = (from: number, to: number, kind: number) => {
    const last = Math.min(cells, Math.ceil(Math.min(to, size) * cells / size));
    for (let cell = Math.floor(from * cells / size); cell < last; cell++) {
      kinds[cell] = Math.min(kinds[cell]!, kind);
    }
  };
  let end = 0;
  for (const [index, run] of runs.entries()) {
    if (run.byteOffset >= size) break;
    if (run.byteOffset > end) mark(end, run.byteOffset, 0);
    end = run.byteOffset + run.byteLength;
    mark(run.byteOffset, end, kindOf(run, isMisaligned(run), index % 2 === 1));
  }
  if (end < size) mark(end, size, 0);
  return {
    line: kinds.map((kind) => symbols[kind]![0]).join(""),
    legend: symbols.filter((_, kind) => kinds.includes(kind)),
  };
}

function kindOf({ flags }: ExtentRun, misaligned: boolean, odd: boolean): number {
  if (flags.includes("shared")) return 1;
  if (flags.includes("unwritten")) return 2;
  if (flags.includes("delayed")) return 3;
  if (flags.length > 0) return 4;
  return misaligned ? 5 : odd ? 7 : 6;
}
