/**
 * Which bytes of a file were changed in place and not written back yet.
 *
 * @module
 */

import type { Region } from "../../mod.ts";

/** A list of ranges, in memory that is taken once. */
export class Ranges {
  readonly #offsets: Float64Array;
  readonly #lengths: Float64Array;
  /** How many there are; may be lowered. */
  count = 0;

  /** @param most how many there can be */
  constructor(most: number) {
    this.#offsets = new Float64Array(most);
    this.#lengths = new Float64Array(most);
  }

  /** Adds a range; that which was added last, or the one before, is not there twice: a counter is changed again and again. */
  add(byteOffset: number, byteLength: number): void {
    const count = this.count, offsets = this.#offsets, lengths = this.#lengths;
    if (count > 0 && offsets[count - 1] === byteOffset && lengths[count - 1] === byteLength) return;
    if (count > 1 && offsets[count - 2] === byteOffset && lengths[count - 2] === byteLength) return;
    offsets[count] = byteOffset;
    lengths[count] = byteLength;
    this.count = count + 1;
  }

  /** Starts to write them all back; on page granularity in one msync, which passes over the pages between that nobody changed. */
  flush(file: Region): void {
    if (file.granularity !== "page") {
      for (let i = 0; i < this.count; i++) file.flush(this.#offsets[i]!, this.#lengths[i]!);
    } else if (this.count > 0) {
      let start = Infinity, end = 0;
      for (let i = 0; i < this.count; i++) {
        start = Math.min(start, this.#offsets[i]!);
        end = Math.max(end, this.#offsets[i]! + this.#lengths[i]!);
      }
      file.flush(start, end - start);
    }
  }
}
