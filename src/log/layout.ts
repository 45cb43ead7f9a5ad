/**
 * Where the parts of a log lie and what its numbers may be: the format of docs/formats.md in constants, and the arithmetic of frames.
 *
 * @module
 */

import { type Format, formatOf } from "../common/new_file.ts";

/** The format that this program writes, and the newest that it reads. */
export const version = 1;

/** The second word of the header's frame: a machine of the other byte order reads it backwards. */
export const byteOrderMark = 0x0102_0304, wrongByteOrderMark = 0x0403_0201;

/** The frame of the header, which is written once. */
export const headerOffset = 8, headerBytes = 32;

/** The frames of the two state slots: a cache line each, in sectors of their own. */
export const slotOffsets: readonly [number, number] = [1024, 2048], slotBytes = 48;

/** Where the records begin. */
export const recordsOffset = 4096;

/** How every log begins. */
export const format: Format = formatOf("log", "daxf.log", recordsOffset);

/** Bytes of a frame before its payload, and what its place and length are multiples of. */
export const frameHeaderBytes = 16, frameAlignBytes = 8;

/** The longest payload of a frame, whose length is a word of 32 bits. */
export const payloadBytesMax = 2 ** 32 - 1;

/** The smallest log: an empty record fits. */
export const logBytesMin: number = recordsOffset + frameHeaderBytes;

/** An epoch shares its word with one bit. */
export const epochMax = 2 ** 31 - 1;

/** The bit beside the epoch: this record is not the first of those that were appended together. */
export const continues = 1;

/** How many bytes are appended at most before a checkpoint is taken: 64 KiB take some 0.1 ms to read again at the next open. */
const windowBytesMax = 2 ** 16;

/** The end of the last frame that a log of this size can hold. */
export function recordsEnd(byteLength: number): number {
  return byteLength - byteLength % frameAlignBytes;
}

/** After how many bytes of records a checkpoint is taken: less in a small log, which is read again in no time anyway. */
export function windowBytes(byteLength: number): number {
  const share = (recordsEnd(byteLength) - recordsOffset) / 8;
  return Math.min(windowBytesMax, Math.max(64, share - share % frameAlignBytes));
}

/** Bytes that a payload takes with its frame. */
export function frameBytes(payloadBytes: number): number {
  return frameHeaderBytes + payloadBytes + (-payloadBytes & (frameAlignBytes - 1));
}
