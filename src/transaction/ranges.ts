/**
 * Which bytes of a file were changed in place and not written back yet.
 *
 * @module
 */

import { Batch, type Region } from "../../mod.ts";

/** How many ranges are remembered by where they are, at most: a power of two. */
const mostPlaces = 1024;

/** As many bytes as the longest range had. */
let anything = new Uint8Array(4096);

/** A list of ranges, in memory that is taken once. */
export class Ranges {
  readonly #offsets: Float64Array;
  readonly #lengths: Float64Array;
  /** Which range was added last of those with the same hash. */
  readonly #last: Uint16Array;
  readonly #shift: number;
  #count = 0;

  /** @param most how many there can be, up to 2^16 of which are found again */
  constructor(most: number) {
    this.#offsets = new Float64Array(most);
    this.#lengths = new Float64Array(most);
    const bits = Math.ceil(Math.log2(Math.min(Math.max(most, 2), mostPlaces)));
    this.#last = new Uint16Array(2 ** bits);
    this.#shift = 32 - bits;
  }

  /** How many there are; may be lowered, which forgets the last ones. */
  get count(): number {
    return this.#count;
  }
  set count(count: number) {
    this.#count = count;
  }

  /** Adds a range, unless it is known to be there: what is changed again and again is written back once. */
  add(byteOffset: number, byteLength: number): void {
    const count = this.#count, offsets = this.#offsets, lengths = this.#lengths;
    const place = Math.imul((byteOffset / 8) | 0, 0x9e37_79b1) >>> this.#shift;
    const known = this.#last[place]!;
    if (known < count && offsets[known] === byteOffset && lengths[known]! >= byteLength) return;
    offsets[count] = byteOffset;
    lengths[count] = byteLength;
    this.#last[place] = count;
    this.#count = count + 1;
  }

  /** Adds those of another list. */
  addAll(other: Ranges): void {
    for (let i = 0; i < other.#count; i++) this.add(other.#offsets[i]!, other.#lengths[i]!);
  }

  /** Has only the ranges of a batch from now on. */
  renew(batch: Batch): void {
    this.#count = 0;
    for (const { byteOffset, bytes } of Batch.entries(batch.bytes)) this.add(byteOffset, bytes.length);
  }

  /** Adds the first so many to a batch, of which only the places matter: its bytes are any. */
  encode(batch: Batch, count: number): void {
    for (let i = 0; i < count; i++) {
      const length = this.#lengths[i]!;
      if (anything.length < length) anything = new Uint8Array(length);
      batch.write(this.#offsets[i]!, anything, 0, length);
    }
  }

  /** Starts to write them all back; on page granularity in one msync, which passes over the pages between that nobody changed. */
  flush(file: Region): void {
    if (file.granularity !== "page") {
      for (let i = 0; i < this.#count; i++) file.flush(this.#offsets[i]!, this.#lengths[i]!);
    } else if (this.#count > 0) {
      let start = Infinity, end = 0;
      for (let i = 0; i < this.#count; i++) {
        start = Math.min(start, this.#offsets[i]!);
        end = Math.max(end, this.#offsets[i]! + this.#lengths[i]!);
      }
      file.flush(start, end - start);
    }
  }
}
