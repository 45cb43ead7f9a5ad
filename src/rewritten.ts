/**
 * What was written again after the system failed to write something back.
 *
 * Linux says once that a page could not be written, does not say which, and then calls it clean: a second msync of the same
 * bytes succeeds without writing them. So after a failure nothing in the file is called durable but what has been written anew.
 *
 * @module
 */

/** Byte ranges, each from its first byte to the one after its last; ordered, and never touching. */
export class Rewritten {
  #ranges: { start: number; end: number }[] = [];

  /** Notes that a range has been written, in bytes. */
  add(start: number, end: number): void {
    const apart = this.#ranges.filter((range) => range.end < start || range.start > end);
    const touching = this.#ranges.filter((range) => range.end >= start && range.start <= end);
    const merged = {
      start: Math.min(start, ...touching.map((range) => range.start)),
      end: Math.max(end, ...touching.map((range) => range.end)),
    };
    this.#ranges = [...apart, merged].sort((a, b) => a.start - b.start);
  }

  /** Whether every byte of a range has been written. */
  covers(start: number, end: number): boolean {
    return this.#ranges.some((range) => range.start <= start && end <= range.end);
  }
}
