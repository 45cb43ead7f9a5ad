/**
 * What the methods of DaxFile are given: the types, and the checks that no number and no view reaches native code that should not.
 *
 * @module
 */

import { Mode } from "../ffi/symbols.ts";
import { describe } from "./path.ts";

/** A class of views over a buffer: `Uint8Array`, `Float64Array`, …, `DataView`. */
export interface ViewConstructor<T extends ArrayBufferView> {
  /** Makes a view of `length` elements (bytes for DataView) from `byteOffset` on. */
  new (buffer: ArrayBuffer, byteOffset?: number, length?: number): T;
  /** Bytes of an element; absent for DataView. */
  readonly BYTES_PER_ELEMENT?: number;
}

/** How `DaxFile.write` and `DaxFile.fill` copy. */
export interface WriteOptions {
  /**
   * Copy past the caches (true) or through them (false). By default the size decides: non-temporal stores from 256 bytes on, for
   * they need no flush, but leave the bytes out of the cache.
   */
  nontemporal?: boolean;
  /** Wait until the bytes are durable. Default true; with false a later `DaxFile.drain` does. */
  drain?: boolean;
}

/** Whether a range is of whole bytes, not empty, and ends by the limit; false for anything that is no number. */
export function within(start: number, length: number, limit: number): boolean {
  return Number.isInteger(start) && Number.isInteger(length) && start >= 0 && length > 0 &&
    start + length <= limit;
}

/**
 * Checks a number that counts bytes or elements.
 *
 * @throws {TypeError | RangeError} if it is no number, or no integer from 0 to 2^53 − 1
 */
export function checkInteger(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${describe(value)}`);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} ${value} is not an integer from 0 to 2^53 - 1`);
  }
}

/** Whether a class makes typed arrays or DataViews. */
export function isViewClass(type: object): boolean {
  const { prototype } = type as { prototype?: unknown };
  return prototype instanceof Object.getPrototypeOf(Uint8Array) || type === DataView ||
    prototype instanceof DataView;
}

/**
 * The bits of the mode that write options ask for.
 *
 * @throws {TypeError} if one is of a wrong type
 */
export function flagsOf(options: WriteOptions): number {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options is an object, not ${describe(options)}`);
  }
  const { nontemporal, drain } = options;
  if (nontemporal !== undefined && typeof nontemporal !== "boolean") {
    throw new TypeError(`nontemporal is true or false, not ${describe(nontemporal)}`);
  }
  if (drain !== undefined && typeof drain !== "boolean") {
    throw new TypeError(`drain is true or false, not ${describe(drain)}`);
  }
  return (nontemporal === undefined ? 0 : nontemporal ? Mode.nontemporal : Mode.temporal) |
    (drain === false ? Mode.noDrain : 0);
}
