/**
 * The bytes of a file as words and as bytes. One view covers at most 1 GiB, so over a longer file the views move along.
 *
 * @module
 */

import type { Region } from "../../mod.ts";

/** The most that the views cover, and where they begin: as DaxFile keeps its buffers, so that none is made for a log alone. */
const spanBytes = 2 ** 30, strideBytes = 2 ** 29;

/** What a window shows before it is used. */
const noLongs = new BigUint64Array(0), noWords = new Uint32Array(0), noBytes = new Uint8Array(0);

/** The bytes of a file, wherever they lie in it. */
export class Window {
  readonly #file: Region;
  #start = 0;
  #end = 0;
  #longs = noLongs;
  #words = noWords;
  #bytes = noBytes;

  constructor(file: Region) {
    this.#file = file;
  }

  /** The word at a multiple of 4. */
  word(byteOffset: number): number {
    this.#reach(byteOffset, 4);
    return this.#words[(byteOffset - this.#start) >>> 2]!;
  }

  /** Stores a word at a multiple of 4. */
  setWord(byteOffset: number, value: number): void {
    this.#reach(byteOffset, 4);
    this.#words[(byteOffset - this.#start) >>> 2] = value;
  }

  /** Stores an integer of 64 bits at a multiple of 8, in one piece. */
  setLong(byteOffset: number, value: bigint): void {
    this.#reach(byteOffset, 8);
    this.#longs[(byteOffset - this.#start) / 8] = value;
  }

  /** A copy of bytes. */
  copy(byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer> {
    if (byteLength <= strideBytes) {
      this.#reach(byteOffset, byteLength);
      const first = byteOffset - this.#start;
      return this.#bytes.slice(first, first + byteLength);
    }
    const bytes = new Uint8Array(byteLength);
    for (let done = 0; done < byteLength; done += strideBytes) {
      bytes.set(this.copy(byteOffset + done, Math.min(strideBytes, byteLength - done)), done);
    }
    return bytes;
  }

  /** Stores bytes. */
  store(byteOffset: number, source: Uint8Array): void {
    for (let done = 0; done < source.length; done += strideBytes) {
      const piece = source.length <= strideBytes ? source : source.subarray(done, done + strideBytes);
      this.#reach(byteOffset + done, piece.length);
      this.#bytes.set(piece, byteOffset + done - this.#start);
    }
  }

  /** Moves the views to where they cover a range of at most half their span. */
  #reach(byteOffset: number, byteLength: number): void {
    if (byteOffset >= this.#start && byteOffset + byteLength <= this.#end) return;
    const start = byteOffset - byteOffset % strideBytes;
    const rest = Math.min(spanBytes, this.#file.size - start);
    const length = rest - rest % 8;
    this.#longs = this.#file.view(BigUint64Array, start, length / 8);
    this.#words = this.#file.view(Uint32Array, start, length / 4);
    this.#bytes = this.#file.view(Uint8Array, start, length);
    this.#start = start;
    this.#end = start + length;
  }
}
