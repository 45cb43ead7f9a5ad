// Where on a file an accessor may lie, and the views that accessors share.

import type { Region } from "../../mod.ts";
import type { Place } from "./cells.ts";
import type { Type } from "./types.ts";

/** What one view covers in a file, and how far apart views begin: half of it, so that what is no larger lies in one whole. */
const windowBytes = 2 ** 30, strideBytes = windowBytes / 2;

/** The views of a file by their numbers. Creating them for each record would cost more than using it. */
const known = new WeakMap<Region, Place[]>();

/**
 * The place that covers a range, and with it the views for all others near it.
 *
 * @throws {RangeError} if one record is larger than a view may be
 */
export function placeOf(file: Region, byteOffset: number, byteLength: number): Place {
  let places = known.get(file);
  if (places === undefined) known.set(file, places = []);
  const number = Math.floor(byteOffset / strideBytes), start = number * strideBytes;
  const place = places[number] ??= viewed(file, start, Math.min(windowBytes, file.size - start));
  if (byteOffset + byteLength <= start + place.byteLength) return place;
  return viewed(file, byteOffset, byteLength);
}

function viewed(file: Region, byteOffset: number, byteLength: number): Place {
  const view = file.view(DataView, byteOffset, byteLength),
    bytes = file.view(Uint8Array, byteOffset, byteLength);
  return { file, byteOffset, byteLength, view, bytes };
}

/**
 * Checks where a record or an array is to lie.
 *
 * @throws {RangeError} if it is misaligned or not inside the file
 * @throws {TypeError} if the offset is no number, or the file is closed
 */
export function checkPlace(file: Region, type: Type, byteOffset: number, byteLength: number): void {
  checkAlignment(type, byteOffset);
  // The file says so itself
  if (file.closed) file.view(DataView);
  if (byteOffset + byteLength > file.size) {
    throw new RangeError(
      `byteOffset ${byteOffset} and ${byteLength} bytes of ${type.name} are not inside "${file.path}", which has ${file.size} bytes`,
    );
  }
}

/** The half of `checkPlace` that holds over anything. */
export function checkAlignment({ name, alignment }: Type, byteOffset: number): void {
  if (typeof byteOffset !== "number") throw new TypeError(`byteOffset is a number, not ${typeof byteOffset}`);
  if (!Number.isSafeInteger(byteOffset) || byteOffset < 0) {
    throw new RangeError(`byteOffset ${byteOffset} is not an integer from 0 to 2^53 - 1`);
  }
  if (byteOffset % alignment !== 0) {
    throw new RangeError(
      `byteOffset ${byteOffset} is not a multiple of ${alignment}, the alignment of ${name}`,
    );
  }
}

/** A range of a file, in bytes. */
export interface Range {
  byteOffset: number;
  byteLength: number;
}

/** Persists ranges with one drain; those that touch the same or adjacent lines (pages, on page granularity) as one. */
export function persistRanges(file: Region, ranges: Range[]): void {
  const unitBytes = file.granularity === "page" ? 4096 : 64;
  const merged: Range[] = [];
  for (const range of ranges.sort((a, b) => a.byteOffset - b.byteOffset)) {
    const last = merged.at(-1), end = range.byteOffset + range.byteLength;
    const lastEnd = last === undefined ? -1 : last.byteOffset + last.byteLength;
    if (last !== undefined && Math.floor(range.byteOffset / unitBytes) <= Math.ceil(lastEnd / unitBytes)) {
      last.byteLength = Math.max(lastEnd, end) - last.byteOffset;
    } else merged.push({ ...range });
  }
  if (merged.length === 1) return file.persist(merged[0]!.byteOffset, merged[0]!.byteLength);
  for (const { byteOffset, byteLength } of merged) file.flush(byteOffset, byteLength);
  file.drain();
}
