/**
 * The frames of one log: what makes each of them this log's, at this place and with this number, and how they are read. A frame is
 * what {@linkcode Region.writeRecord} writes; the header, the state slots and the records are frames.
 *
 * @module
 */

import type { Region } from "../../mod.ts";
import { frameAlignBytes, frameBytes, frameHeaderBytes, recordsEnd } from "./layout.ts";
import { Window } from "./window.ts";

/** The two words of a log's identity. */
export interface Identity {
  /** Hides the low words of the sequence numbers: no payload, whoever composed it, looks like a record then. */
  readonly mask: number;
  /** Where the seeds of the checksums begin. */
  readonly seed: number;
}

/** The first word of a record's frame: the low 32 bits of its sequence number, hidden. */
export function lowOf({ mask }: Identity, sequence: number): number {
  return (sequence ^ mask) >>> 0;
}

/**
 * With what the checksum of a frame begins, so that it is wrong for any other sequence number, at any other place and in any other log.
 * The factors are odd: numbers that differ by less than 2^32 have different seeds. Signed, as V8 allocates an object for a number from
 * 2^31 on that a call hands over.
 */
export function seedOf({ seed }: Identity, sequence: number, byteOffset: number): number {
  return seed ^ Math.imul(sequence, 0x9e37_79b1) ^ Math.imul(sequence / 0x1_0000_0000, 0x85eb_ca77) ^
    Math.imul(byteOffset / 8, 0xc2b2_ae3d);
}

/** Reads the frames of a log, and stores those that are written back together with others. */
export class Frames {
  readonly file: Region;
  readonly identity: Identity;
  /** Where the last frame ends at the latest. */
  readonly end: number;
  readonly #window: Window;

  constructor(file: Region, identity: Identity) {
    this.file = file;
    this.identity = identity;
    this.end = recordsEnd(file.size);
    this.#window = new Window(file);
  }

  /** The first word of the frame at a place that has room for one. */
  low(byteOffset: number): number {
    return this.#window.word(byteOffset + 8);
  }

  /** The second word. */
  high(byteOffset: number): number {
    return this.#window.word(byteOffset + 12);
  }

  /**
   * How long the payload of a record is, or −1 if the record with this number is not at this place.
   *
   * Its words are looked at before its checksum is computed, because a length that is none of a record's could cover the whole file.
   */
  recordLength(byteOffset: number, sequence: number): number {
    if (byteOffset + frameHeaderBytes > this.end) return -1;
    if (this.low(byteOffset) !== lowOf(this.identity, sequence)) return -1;
    return this.file.recordLength(byteOffset, this.end, seedOf(this.identity, sequence, byteOffset));
  }

  /**
   * A copy of a record's payload, or undefined if the record with this number is not at this place.
   *
   * Another process may clear the log meanwhile and write over it. So the copy is made first and checked then: a record is written
   * once, and what is whole after the copy, having been whole before, was whole all the time.
   */
  record(byteOffset: number, sequence: number): Uint8Array<ArrayBuffer> | undefined {
    if (byteOffset + frameHeaderBytes > this.end) return undefined;
    if (this.low(byteOffset) !== lowOf(this.identity, sequence)) return undefined;
    const byteLength = this.#window.word(byteOffset);
    if (byteOffset + frameBytes(byteLength) > this.end) return undefined;
    const bytes = this.#window.copy(byteOffset + frameHeaderBytes, byteLength);
    const seed = seedOf(this.identity, sequence, byteOffset);
    return this.file.recordLength(byteOffset, this.end, seed) === byteLength ? bytes : undefined;
  }

  /** A copy of any bytes. */
  copy(byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer> {
    return this.#window.copy(byteOffset, byteLength);
  }

  /**
   * Stores a frame as {@linkcode Region.writeRecord} would, and leaves it to the caller to write it back: on page granularity several
   * frames then cost one msync.
   */
  store(byteOffset: number, payload: Uint8Array, low: number, high: number, seed: number): void {
    const start = byteOffset + frameHeaderBytes, { length } = payload;
    this.#window.store(start, payload);
    const padding = -length & (frameAlignBytes - 1);
    if (padding > 0) this.#window.store(start + length, new Uint8Array(padding));
    this.#seal(byteOffset, length, low, high, seed);
  }

  /** The same for a payload of words of 8 bytes: stored one after the other, they reach the medium in this order. */
  storeWords(byteOffset: number, payload: readonly bigint[], low: number, high: number, seed: number): void {
    const start = byteOffset + frameHeaderBytes;
    for (let index = 0; index < payload.length; index++) {
      this.#window.setLong(start + 8 * index, payload[index]!);
    }
    this.#seal(byteOffset, 8 * payload.length, low, high, seed);
  }

  /** Stores the words before a payload that is there, the checksum last. */
  #seal(byteOffset: number, length: number, low: number, high: number, seed: number): void {
    const { file } = this, window = this.#window;
    window.setWord(byteOffset, length);
    window.setLong(byteOffset + 8, BigInt(high) << 32n | BigInt(low));
    let checksum = file.checksum(byteOffset, 4, file.checksum(byteOffset + 8, 8, seed));
    if (length > 0) checksum = file.checksum(byteOffset + frameHeaderBytes, length, checksum);
    window.setWord(byteOffset + 4, checksum);
  }
}
