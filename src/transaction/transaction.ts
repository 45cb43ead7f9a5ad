/**
 * What the body of a transaction is given: reads and writes of the data area, as DataView names them, of which nothing is in the
 * file before the body has returned.
 *
 * @module
 */

import type { Area } from "./area.ts";
import { scratchAt, type Staging } from "./staging.ts";

/** A type of records that can be read and written through any view: those of `./struct` can. */
export interface Accessible<T> {
  /** Bytes of a record. */
  readonly byteLength: number;
  /** An accessor whose getters and setters are those of a view. */
  over(view: Transaction, byteOffset: number): T;
}

/** Makes the transaction of a pool; only for `Pool`. */
export let newTransaction: (area: Area, staging: Staging, refuse: Refuse) => Transaction;

/** Begins and ends it: how many bytes may be read, and how many written; −1 for none. */
export let setLimits: (transaction: Transaction, readLimit: number, writeLimit: number) => void;

/** Says why nothing can be done: there is no transaction, or no writing. */
export type Refuse = (operation: string, isWrite: boolean) => void;

/**
 * Several writes, all or nothing. Offsets are bytes from the start of the pool's data area; numbers are little-endian unless `false` is given,
 * and may lie anywhere. A read sees what was written before in the same transaction.
 *
 * It is good only until the body that was given it returns or throws; the pool gives the same object to the next body.
 *
 * Every method throws a RangeError if the bytes are not inside the data area, and a TypeError when no transaction is running; every
 * setter a DaxError with code EACCES if the pool is open to be read.
 *
 * @example
 * ```ts
 * import { openPool } from "@daxfile/daxfile/transaction";
 *
 * using pool = openPool("accounts.dax", { create: true, size: 65536 });
 * pool.transaction((tx) => {
 *   tx.setFloat64(0, tx.getFloat64(0) - 25);
 *   tx.setFloat64(8, tx.getFloat64(8) + 25);
 * });
 * ```
 */
export class Transaction {
  readonly #area: Area;
  readonly #staging: Staging;
  readonly #refuse: Refuse;
  #readLimit = -1;
  #writeLimit = -1;
  /** Where in the view that {@linkcode Transaction.#source} has given the value is. */
  #at = 0;

  static {
    newTransaction = (area, staging, refuse) => new Transaction(area, staging, refuse);
    setLimits = (transaction, readLimit, writeLimit) => {
      transaction.#readLimit = readLimit;
      transaction.#writeLimit = writeLimit;
    };
  }

  private constructor(area: Area, staging: Staging, refuse: Refuse) {
    this.#area = area;
    this.#staging = staging;
    this.#refuse = refuse;
  }

  /** Length of the data area in bytes. */
  get byteLength(): number {
    return this.#area.byteLength;
  }

  /**
   * Stages bytes.
   *
   * @param byteOffset first byte to write
   * @param source the bytes, of any view; copied now
   * @throws {TypeError} if the source is no view
   */
  write(byteOffset: number, source: ArrayBufferView): void {
    if (!ArrayBuffer.isView(source)) throw new TypeError("source is a typed array or DataView");
    this.#checkWrite(byteOffset, source.byteLength);
    if (source.byteLength === 0) return;
    const bytes = source instanceof Uint8Array
      ? source
      : new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    this.#staging.write(byteOffset, bytes);
  }

  /**
   * A copy of bytes, with what was staged.
   *
   * @param byteOffset first byte
   * @param byteLength number of bytes
   */
  read(byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer> {
    this.#checkRead(byteOffset, Number.isInteger(byteLength) && byteLength >= 0 ? byteLength : NaN);
    const bytes = this.#area.copy(byteOffset, byteLength);
    if (!this.#staging.isEmpty && byteLength > 0) this.#staging.overlay(byteOffset, bytes);
    return bytes;
  }

  /**
   * A record of `./struct` at a place: its fields are read and staged through this transaction, and are good as long as it.
   *
   * @param type what `struct` has made
   * @param byteOffset where the record begins
   *
   * @example
   * ```ts
   * import { f64, struct, u64 } from "@daxfile/daxfile/struct";
   * import { openPool } from "@daxfile/daxfile/transaction";
   *
   * const Account = struct({ id: u64, balance: f64 });
   * using pool = openPool("accounts.dax", { create: true, size: 65536 });
   * pool.transaction((tx) => tx.at(Account, 64).balance += 25);
   * ```
   */
  at<T>(type: Accessible<T>, byteOffset: number): T {
    this.#checkRead(byteOffset, type.byteLength);
    return type.over(this, byteOffset);
  }

  /** Reads a signed byte. */
  getInt8(byteOffset: number): number {
    return this.#source(byteOffset, 1).getInt8(this.#at);
  }

  /** Stages a signed byte. */
  setInt8(byteOffset: number, value: number): void {
    this.#checkWrite(byteOffset, 1);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 1);
    staging.view.setInt8(at, number);
  }

  /** Reads a byte. */
  getUint8(byteOffset: number): number {
    return this.#source(byteOffset, 1).getUint8(this.#at);
  }

  /** Stages a byte. */
  setUint8(byteOffset: number, value: number): void {
    this.#checkWrite(byteOffset, 1);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 1);
    staging.view.setUint8(at, number);
  }

  /** Reads a signed number of 16 bits. */
  getInt16(byteOffset: number, littleEndian = true): number {
    return this.#source(byteOffset, 2).getInt16(this.#at, littleEndian);
  }

  /** Stages a signed number of 16 bits. */
  setInt16(byteOffset: number, value: number, littleEndian = true): void {
    this.#checkWrite(byteOffset, 2);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 2);
    staging.view.setInt16(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 2);
  }

  /** Reads a number of 16 bits. */
  getUint16(byteOffset: number, littleEndian = true): number {
    return this.#source(byteOffset, 2).getUint16(this.#at, littleEndian);
  }

  /** Stages a number of 16 bits. */
  setUint16(byteOffset: number, value: number, littleEndian = true): void {
    this.#checkWrite(byteOffset, 2);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 2);
    staging.view.setUint16(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 2);
  }

  /** Reads a signed number of 32 bits. */
  getInt32(byteOffset: number, littleEndian = true): number {
    return this.#source(byteOffset, 4).getInt32(this.#at, littleEndian);
  }

  /** Stages a signed number of 32 bits. */
  setInt32(byteOffset: number, value: number, littleEndian = true): void {
    this.#checkWrite(byteOffset, 4);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 4);
    staging.view.setInt32(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 4);
  }

  /** Reads a number of 32 bits. */
  getUint32(byteOffset: number, littleEndian = true): number {
    return this.#source(byteOffset, 4).getUint32(this.#at, littleEndian);
  }

  /** Stages a number of 32 bits. */
  setUint32(byteOffset: number, value: number, littleEndian = true): void {
    this.#checkWrite(byteOffset, 4);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 4);
    staging.view.setUint32(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 4);
  }

  /** Reads a signed number of 64 bits. */
  getBigInt64(byteOffset: number, littleEndian = true): bigint {
    return this.#source(byteOffset, 8).getBigInt64(this.#at, littleEndian);
  }

  /** Stages a signed number of 64 bits. */
  setBigInt64(byteOffset: number, value: bigint, littleEndian = true): void {
    this.#checkWrite(byteOffset, 8);
    const number = bigintOf(value);
    const staging = this.#staging, at = staging.reserve(byteOffset, 8);
    staging.view.setBigInt64(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 8);
  }

  /** Reads a number of 64 bits. */
  getBigUint64(byteOffset: number, littleEndian = true): bigint {
    return this.#source(byteOffset, 8).getBigUint64(this.#at, littleEndian);
  }

  /** Stages a number of 64 bits. */
  setBigUint64(byteOffset: number, value: bigint, littleEndian = true): void {
    this.#checkWrite(byteOffset, 8);
    const number = bigintOf(value);
    const staging = this.#staging, at = staging.reserve(byteOffset, 8);
    staging.view.setBigUint64(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 8);
  }

  /** Reads a float of 32 bits. */
  getFloat32(byteOffset: number, littleEndian = true): number {
    return this.#source(byteOffset, 4).getFloat32(this.#at, littleEndian);
  }

  /** Stages a float of 32 bits. */
  setFloat32(byteOffset: number, value: number, littleEndian = true): void {
    this.#checkWrite(byteOffset, 4);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 4);
    staging.view.setFloat32(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 4);
  }

  /** Reads a float of 64 bits. */
  getFloat64(byteOffset: number, littleEndian = true): number {
    return this.#source(byteOffset, 8).getFloat64(this.#at, littleEndian);
  }

  /** Stages a float of 64 bits. */
  setFloat64(byteOffset: number, value: number, littleEndian = true): void {
    this.#checkWrite(byteOffset, 8);
    const number = +value;
    const staging = this.#staging, at = staging.reserve(byteOffset, 8);
    staging.view.setFloat64(at, number, littleEndian);
    if (at === scratchAt) staging.scatter(byteOffset, 8);
  }

  /** Whether the bytes are inside, and a transaction runs. */
  #checkRead(byteOffset: number, byteLength: number): void {
    if (byteOffset >= 0 && byteOffset + byteLength <= this.#readLimit && Number.isInteger(byteOffset)) return;
    this.#refuse("read", false);
    this.#outside(byteOffset, byteLength);
  }

  #checkWrite(byteOffset: number, byteLength: number): void {
    if (byteOffset >= 0 && byteOffset + byteLength <= this.#writeLimit && Number.isInteger(byteOffset)) {
      return;
    }
    this.#refuse("write", true);
    this.#outside(byteOffset, byteLength);
  }

  #outside(byteOffset: number, byteLength: number): never {
    if (typeof byteOffset !== "number") {
      throw new TypeError(`byteOffset is a number, not ${typeof byteOffset}`);
    }
    throw new RangeError(
      `byteOffset ${byteOffset} and ${byteLength} bytes are not inside the data area, which has ${this.#area.byteLength} bytes`,
    );
  }

  /** Which view has a value, of the file or of what is staged; where in it is {@linkcode Transaction.#at}. */
  #source(byteOffset: number, byteLength: number): DataView {
    this.#checkRead(byteOffset, byteLength);
    const { first } = this.#area, staging = this.#staging;
    const at = staging.locate(byteOffset, byteLength);
    if (at >= 0) {
      this.#at = at;
      return staging.view;
    }
    if (at === -1 && byteOffset + byteLength <= first.byteLength) {
      this.#at = byteOffset;
      return first;
    }
    for (let i = 0; i < byteLength; i++) scratch[i] = this.#area.byteAt(byteOffset + i);
    staging.overlay(byteOffset, scratch.subarray(0, byteLength));
    this.#at = 0;
    return scratchView;
  }
}

/** What is no value must throw before anything is staged. */
function bigintOf(value: bigint): bigint {
  if (typeof value !== "bigint") throw new TypeError(`value is a bigint, not ${typeof value}`);
  return value;
}

/** Where a value is put together that lies in several pieces. */
const scratch = new Uint8Array(8), scratchView = new DataView(scratch.buffer);
