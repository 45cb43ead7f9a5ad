/**
 * Media errors that the kernel knows of, in the blocks of a file.
 *
 * @module
 */

import { directoryOf, parentOf } from "../device.ts";
import { blockDeviceOf, kernelFiles, type Medium } from "../medium.ts";
import type { Stat } from "../system.ts";
import type { BlockMap } from "./block_map.ts";
import type { Refusal } from "./refusal.ts";

const sectorBytes = 512;

/** Refuses a file with a known bad block: a load from it ends the process. Not seen below device-mapper. */
export function mediaErrors(
  { stat, medium }: { readonly stat: Stat; readonly medium: Medium },
  { runs }: BlockMap,
): Refusal | undefined {
  const directory = directoryOf("block", blockDeviceOf(stat, medium), kernelFiles);
  if (directory === undefined) return undefined;
  const partition = kernelFiles.readText(`${directory}/partition`) !== undefined;
  const start = partition ? Number(kernelFiles.readText(`${directory}/start`) ?? 0) : 0;
  const list = kernelFiles.readText(`${partition ? parentOf(directory) : directory}/badblocks`) ?? "";
  for (const [first, count] of badSectors(list)) {
    const from = (first - start) * sectorBytes, to = from + count * sectorBytes;
    const run = runs.find(({ physical, byteLength }) => physical < to && from < physical + byteLength);
    if (run === undefined) continue;
    const at = run.byteOffset + Math.max(0, from - run.physical);
    return {
      error: "EIO",
      reason: `its device has a bad block at byte ${at} of the file`,
      hint: "Restore the file from a copy: written anew, it gets other blocks",
    };
  }
  return undefined;
}

/** First sector and number of sectors of each line: `1024 8`. */
export function badSectors(text: string): [number, number][] {
  return [...text.matchAll(/^(\d+) (\d+)$/gm)].map(([, first, count]) => [Number(first), Number(count)]);
}
