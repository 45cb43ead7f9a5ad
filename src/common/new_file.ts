/**
 * What log and pool do alike when one of them is made: find out whether the file is new, and whether there is nothing in it.
 *
 * @module
 */

import { DaxError, type DaxFile, open, type OpenOptions, type Region } from "../../mod.ts";

/** Opens a file and says whether it was made by that: a new file needs no look at what it holds. */
export function openOrMake(path: string | URL, options: OpenOptions): { file: DaxFile; isNew: boolean } {
  if (!options.create || options.size === undefined) return { file: open(path, options), isNew: false };
  try {
    return { file: open(path, { ...options, exclusive: true }), isNew: true };
  } catch (error) {
    if (options.exclusive || !(error instanceof DaxError && error.code === "EEXIST")) throw error;
    return { file: open(path, options), isNew: false };
  }
}

/** Bytes that are looked at together. */
const stepBytes = 2 ** 20;

/** Whether all bytes from one to before another are zero; both are multiples of 8, or the end of the region. */
export function isZero(file: Region, start: number, end: number): boolean {
  for (let at = start; at < end; at += stepBytes) {
    const bytes = file.view(Uint8Array, at, Math.min(end - at, stepBytes)).slice();
    const words = new Int32Array(bytes.buffer, 0, bytes.length >>> 2);
    for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
    for (let i = words.length * 4; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  }
  return true;
}
