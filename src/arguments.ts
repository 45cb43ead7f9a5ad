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
   * Copy past the caches (true) or through them (false). By default the whole lines of 64 bytes and more go past them, by non-temporal
   * stores: those need no flush, but leave the bytes out of the cache.
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

/**
 * Checks where a record lies and the three words that go into its checksum.
 *
 * @throws {TypeError | RangeError} if the offset is no multiple of 8, or a word no integer of 32 bits, signed or not
 */
export function checkRecord(byteOffset: number, low: number, high: number, seed: number): void {
  // In one expression of functions that the engines inline: it costs 2 ns, and four calls cost 12
  if ((byteOffset & 7) === 0 && isWord(low) && isWord(high) && isWord(seed)) return;
  checkAligned(byteOffset);
  checkWord("low", low);
  checkWord("high", high);
  checkWord("seed", seed);
}

/**
 * Checks the offset of an 8-byte word, which is known to be an integer. By its low bits: a remainder of more than 2^31 is a call into C.
 *
 * @throws {RangeError} if it is no multiple of 8
 */
export function checkAligned(byteOffset: number): void {
  if ((byteOffset & 7) !== 0) throw new RangeError(`byteOffset ${byteOffset} is not a multiple of 8`);
}

function isWord(value: number): boolean {
  return typeof value === "number" && (value >>> 0 === value || (value | 0) === value);
}

/**
 * Checks a number of 32 bits, without a sign or in two's complement: V8 keeps it without an object up to 2^31 - 1 only.
 *
 * @throws {TypeError | RangeError} if it is no number, or no integer from −2^31 to 2^32 − 1
 */
export function checkWord(name: string, value: number): void {
  if (isWord(value)) return;
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${describe(value)}`);
  throw new RangeError(`${name} ${value} is not an integer from -(2^31) to 2^32 - 1`);
}

/**
 * The lower 32 bits of an integer, in two's complement.
 *
 * @throws {TypeError | RangeError} if it is no number or bigint, or no integer from −2^63 to 2^64 − 1; as a number exact to 2^53
 */
export function lowWord(value: bigint | number): number {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new RangeError(`value ${value} is not an integer within ±2^53`);
    return value >>> 0;
  }
  if (typeof value !== "bigint") {
    throw new TypeError(`value is a number or bigint, not ${describe(value)}`);
  }
  if (value < -0x8000_0000_0000_0000n || value > 0xffff_ffff_ffff_ffffn) {
    throw new RangeError(`value ${value} does not fit into 64 bits`);
  }
  return Number(BigInt.asUintN(32, value));
}

/** The upper 32 bits of an integer that {@linkcode lowWord} has checked. */
export function highWord(value: bigint | number): number {
  return typeof value === "number"
    ? Math.floor(value / 0x1_0000_0000) >>> 0
    : Number(BigInt.asUintN(32, value >> 32n));
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
