/**
 * Where the parts of a pool lie and what its numbers may be: the format of docs/formats.md in constants, and the arithmetic of sizes.
 *
 * @module
 */

import { type Format, formatOf } from "../common/new_file.ts";

/** The format that this program writes, and the newest that it reads. */
export const version = 1;

/** The second word of the header's record: a machine of the other byte order reads it backwards. */
export const byteOrderMark = 0x0102_0304, wrongByteOrderMark = 0x0403_0201;

/** The record of the header, which is written once, and the bytes of its payload. */
export const headerOffset = 8, headerBytes = 184;

/** The number of the last commit whose record is known to be durable, as a double: in a cache line of its own. */
export const markOffset = 256;

/** The first of the two slots, which hold one record after another. */
export const slotsOffset = 512;

/** The longest name of a layout, in bytes of UTF-8. */
export const layoutBytesMax = 128;

/** Bytes of a record before its payload. */
export const recordBytes = 16;

/** How every pool begins; to make one, an empty record is written into the first slot. */
export const format: Format = formatOf("pool", "daxfpool", slotsOffset + recordBytes);

/** The smallest pool; the largest, as an entry of a record has 48 bits for an offset. */
export const poolBytesMin = 8192, poolBytesMax = 2 ** 48;

/** The last number that a commit can have: a double is exact to there. */
export const sequenceMax: number = Number.MAX_SAFE_INTEGER;

/** Bytes of a slot: from one word beside the record's own, to what 16 bits can count in words. */
const slotBytesMin = 64, slotBytesMax = 2 ** 24, slotBytesDefault = 2 ** 14;

/** Bytes of the overflow area. */
const overflowBytesMin = 64, overflowBytesMax = 2 ** 30, overflowBytesDefault = 2 ** 26;

/** The data area begins on a page, so that no page of it is written back for the sake of a record. */
const dataAlignBytes = 4096;

/** How the bytes of a pool are divided. */
export interface Geometry {
  /** Bytes of the file. */
  readonly byteLength: number;
  /** Bytes of each of the two slots. */
  readonly slotBytes: number;
  /** Where the overflow area begins, and how many bytes it has. */
  readonly overflowOffset: number;
  readonly overflowBytes: number;
  /** Where the data area begins, and how many bytes it has. */
  readonly dataOffset: number;
  readonly dataLength: number;
}

/** What the caller may choose of it. */
export interface Sizes {
  readonly slotBytes?: number | undefined;
  readonly overflowBytes?: number | undefined;
}

/**
 * Divides a file.
 *
 * @throws {RangeError} if it is too small or too large for that
 */
export function divide(byteLength: number, sizes: Sizes): Geometry {
  if (byteLength < poolBytesMin || byteLength > poolBytesMax) {
    throw new RangeError(`size ${byteLength} is no pool's: it has ${poolBytesMin} to ${poolBytesMax} bytes`);
  }
  const share = 2 ** Math.floor(Math.log2(byteLength / 64));
  const { slotBytes = Math.min(share, slotBytesDefault) } = sizes;
  const { overflowBytes: asked = Math.min(share * 8, overflowBytesDefault) } = sizes;
  check("slotBytes", slotBytes, slotBytesMin, slotBytesMax);
  check("overflowBytes", asked, overflowBytesMin, overflowBytesMax);
  const overflowOffset = slotsOffset + 2 * slotBytes;
  const dataOffset = Math.ceil((overflowOffset + asked) / dataAlignBytes) * dataAlignBytes;
  const dataLength = byteLength - dataOffset;
  if (dataLength < 8) {
    throw new RangeError(
      `A pool of ${byteLength} bytes has no room for data: slots of ${slotBytes} and an overflow area of ${asked} bytes take ` +
        `${dataOffset} with the header. Give it more, or choose smaller ones`,
    );
  }
  return {
    byteLength,
    slotBytes,
    overflowOffset,
    overflowBytes: dataOffset - overflowOffset,
    dataOffset,
    dataLength,
  };
}

function check(name: string, value: number, least: number, most: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${typeof value}`);
  if (!Number.isInteger(value) || value < least || value > most || value % 8 !== 0) {
    throw new RangeError(`${name} ${value} is not a multiple of 8 from ${least} to ${most}`);
  }
}

/** Whether a header's numbers are such a division. */
export function isGeometry(geometry: Geometry): boolean {
  const { byteLength, slotBytes, overflowOffset, overflowBytes, dataOffset, dataLength } = geometry;
  return slotBytes >= slotBytesMin && slotBytes <= slotBytesMax && slotBytes % 8 === 0 &&
    overflowOffset === slotsOffset + 2 * slotBytes && overflowBytes >= overflowBytesMin &&
    overflowBytes % 8 === 0 &&
    dataOffset === overflowOffset + overflowBytes && dataLength >= 8 &&
    dataOffset + dataLength === byteLength;
}

/** Where a slot begins: the first, 0, or the second, 1. */
export function slotOffset({ slotBytes }: Geometry, side: number): number {
  return slotsOffset + side * slotBytes;
}
