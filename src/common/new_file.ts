/**
 * What log and pool do alike when one of them is made: find out whether the file is new, whether there is nothing in it, and what its
 * first bytes say.
 *
 * The first eight bytes are the format's name: in capitals while the rest is made, so that a creation which a crash cut off is simply
 * done again, whatever it has left and with whatever sizes.
 *
 * @module
 */

import { CorruptionError, DaxError, type DaxFile, open, type OpenOptions, type Region } from "../../mod.ts";

/** A format that has files of its own. */
export interface Format {
  /** As in "a log". */
  readonly name: string;
  /** The first eight bytes of every file, in small letters. */
  readonly magic: string;
  /** Whatever is written to make one lies before this byte. */
  readonly madeBytes: number;
  /** The first eight bytes as one word, of a file that is made. */
  readonly madeWord: bigint;
  /** The same while it is being made: once this is durable, nothing in the file has to be kept. */
  readonly unfinishedWord: bigint;
}

/** A format, with the words that every opening compares with. */
export function formatOf(name: string, magic: string, madeBytes: number): Format {
  return { name, magic, madeBytes, madeWord: wordOf(magic), unfinishedWord: wordOf(magic.toUpperCase()) };
}

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

/** What the first eight bytes say: that the file is made, that it was not made to the end, nothing yet, or something else. */
function beginningOf(file: Region, format: Format): "made" | "unfinished" | "zeros" | "other" {
  if (file.size < 8) return "other";
  const [word] = file.view(BigUint64Array, 0, 1);
  if (word === format.madeWord) return "made";
  if (word === format.unfinishedWord) return "unfinished";
  return word === 0n ? "zeros" : "other";
}

/** @throws {CorruptionError} if a file is not made, or is something else */
export function mustBeMade(file: Region, format: Format): void {
  const { name, magic } = format, again = `create: true makes a ${name} of`;
  switch (beginningOf(file, format)) {
    case "made":
      return;
    case "unfinished":
      throw refused(file, format, `it was to become a ${name}, and its creation did not end`, `${again} it`);
    case "zeros":
      throw refused(file, format, `it is not a ${name}: it begins with zeros`, `${again} a file of zeros`);
    case "other":
      throw refused(file, format, `it is not a ${name}: it does not begin with ${magic}`);
  }
}

/**
 * Whether a file is still to be made: it is new, or of zeros, or was not made to the end.
 *
 * @throws {CorruptionError} if it holds something all the same: its first bytes may be all that was lost
 */
export function isToBeMade(file: Region, format: Format, isNew: boolean): boolean {
  const beginning = beginningOf(file, format), isUnfinished = beginning === "unfinished";
  if (!isUnfinished && beginning !== "zeros") return false;
  if (isNew || isZero(file, isUnfinished ? format.madeBytes : 0)) return true;
  const { name } = format, begins = isUnfinished ? "as one whose creation did not end" : "with zeros";
  const reason = `it is not a ${name}: it begins ${begins}, and what follows is not empty`;
  const hint = `Where that is of no use, set all of it to zero with fill(), and make a ${name} then`;
  throw refused(file, format, reason, hint);
}

function refused({ path }: Region, { name }: Format, reason: string, hint?: string): CorruptionError {
  return new CorruptionError({
    operation: `read the ${name}`,
    error: "EUCLEAN",
    path,
    reason,
    hint,
    byteOffset: 0,
  });
}

function wordOf(text: string): bigint {
  return new DataView(new TextEncoder().encode(text).buffer).getBigUint64(0, true);
}

/** Bytes that are looked at together. */
const stepBytes = 2 ** 20;

/** Whether a file holds nothing but zeros from a multiple of 8 on. */
function isZero(file: Region, start: number): boolean {
  for (let at = start; at < file.size; at += stepBytes) {
    const bytes = file.view(Uint8Array, at, Math.min(file.size - at, stepBytes)).slice();
    const words = new Int32Array(bytes.buffer, 0, bytes.length >>> 2);
    for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
    for (let i = words.length * 4; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  }
  return true;
}
