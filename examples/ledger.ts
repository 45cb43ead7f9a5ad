/**
 * A ledger of payments, kept in a file and written in place: the data structure of the demo. A payment is a record, two accounts' balances and
 * the number of payments, and all four change together or not at all, whatever happens to the process: they are one transaction
 * of a pool.
 *
 * ```text
 * byte 0     f64  number of the last payment        offsets are those of the pool's data; numbers are little-endian
 *      8     f64  total of all amounts, in cents
 *     16          48 bytes that mean nothing: the demo measures there
 *     64     f64  balance of account 0, in cents; of account 1; … 1024 of them
 *   8256     records of 64 bytes, one cache line each: payment n is record (n − 1) modulo the capacity
 *      +0    f64  n; the first payment is 1. A double is exact to 2^53
 *      +8    f64  when, in milliseconds since 1970
 *      +16   f64  amount, in cents
 *      +24   f64  total of all amounts, this one included
 *      +32   u32  the account that pays      +36  u32  the account that is paid
 *      +60   u32  checksum of the 60 bytes before it
 * ```
 *
 * A full ledger goes round: a new payment takes the place of the oldest; numbers, balances and total go on.
 *
 * @module
 */

import { CorruptionError, DaxError, type DaxFile } from "../mod.ts";
import { openPool, type Pool, type Transaction } from "../src/transaction/mod.ts";

/** How many accounts there are. */
export const accounts = 1024;
/** Bytes before the first record. */
export const headerBytes: number = 64 + accounts * 8;
/** Bytes of a record. */
export const recordBytes = 64;
/** Eight bytes that nobody needs. */
export const spareOffset = 16;
/** What a ledger of 64 MiB has room for, rather more payments than the demo makes in a run. */
const defaultSize = 2 ** 26;

/** What a pool must be called to be a ledger. */
const layout = "daxfile demo ledger 1";

/** Where the fields of the header are. */
const Header = { count: 0, total: 8, balances: 64 } as const;
/** Where a record's fields are, from its beginning. */
const Field = { number: 0, madeAt: 8, amount: 16, total: 24, from: 32, to: 36, checksum: 60 } as const;

/** A payment as it was made. */
export interface Payment {
  readonly number: number;
  readonly madeAt: Date;
  /** In cents. */
  readonly amount: number;
  /** Of all amounts up to this one, in cents. */
  readonly total: number;
  readonly from: number;
  readonly to: number;
  /** Whether the checksum is right: false for a record that was torn. */
  readonly intact: boolean;
}

/** How a ledger is opened. */
export interface LedgerOptions {
  readonly create?: boolean;
  readonly capacity?: number;
}

/** An open ledger. One process writes it at a time: the pool has locked the file. */
export class Ledger implements Disposable {
  readonly pool: Pool;
  readonly capacity: number;
  /** The data: reads see what was committed. */
  readonly #view: DataView;
  /** The record of the payment that is being made. */
  readonly #record = new DataView(new ArrayBuffer(recordBytes));
  #count: number;
  #total: number;

  /**
   * Opens a ledger.
   *
   * @param path the file
   * @param options `create`: make it if there is no such file, by default not; `capacity`: of one that is made, in records
   * @throws {CorruptionError} if the file is no pool or damaged; it is left as it was
   * @throws {DaxError} if it is no ledger, cannot be opened or made, or another process has it open
   */
  static open(path: string, { create = false, capacity }: LedgerOptions = {}): Ledger {
    try {
      return new Ledger(openPool(path, { layout }));
    } catch (error) {
      if (!(create && error instanceof DaxError && error.code === "ENOENT")) throw error;
    }
    const size = capacity === undefined ? defaultSize : 8192 + headerBytes + capacity * recordBytes;
    const sizes = capacity === undefined ? {} : { slotBytes: 1024, overflowBytes: 4096 };
    return new Ledger(openPool(path, { create: true, size, layout, ...sizes }));
  }

  /**
   * Takes over a pool.
   *
   * @throws {CorruptionError} if the number of payments is none; the pool is closed then
   */
  constructor(pool: Pool) {
    this.pool = pool;
    this.capacity = Math.floor((pool.dataLength - headerBytes) / recordBytes);
    this.#view = pool.file.view(DataView, pool.dataOffset, pool.dataLength);
    this.#count = this.#view.getFloat64(Header.count, true);
    this.#total = this.#view.getFloat64(Header.total, true);
    if (Number.isSafeInteger(this.#count) && this.#count >= 0) return;
    const { path } = pool.file;
    pool.close();
    const reason = `it is damaged: ${this.#count} is no number of payments`;
    throw new CorruptionError({
      operation: "open",
      error: "EUCLEAN",
      path,
      reason,
      hint: "Name another file",
    });
  }

  /** The file that it is in. */
  get file(): DaxFile {
    return this.pool.file;
  }

  /** Number of the last payment; as many were made since the ledger began. */
  get count(): number {
    return this.#count;
  }

  /** Number of the oldest payment that is still kept. */
  get first(): number {
    return Math.max(1, this.#count - this.capacity + 1);
  }

  /** Total of all payments, in cents. */
  get total(): number {
    return this.#total;
  }

  /** What an account has, in cents: below zero if it has paid more than it was paid. */
  balance(account: number): number {
    return this.#view.getFloat64(Header.balances + account * 8, true);
  }

  /**
   * Makes a payment. It is durable on return, and may be acknowledged.
   *
   * @param from the account that pays, 0 to 1023
   * @param to the account that is paid
   * @param amount in cents
   * @returns its number
   */
  pay(from: number, to: number, amount: number): number {
    const number = this.#count + 1, total = this.#total + amount, record = this.#record;
    record.setFloat64(Field.number, number, true);
    record.setFloat64(Field.madeAt, Date.now(), true);
    record.setFloat64(Field.amount, amount, true);
    record.setFloat64(Field.total, total, true);
    record.setUint32(Field.from, from, true);
    record.setUint32(Field.to, to, true);
    record.setUint32(Field.checksum, checksum(record, 0), true);
    // Nothing of this is in the file before the function returns; then all of it is, and durable
    this.pool.transaction((tx) => {
      tx.write(this.offsetOf(number), record);
      move(tx, from, -amount);
      move(tx, to, amount);
      tx.setFloat64(Header.count, number);
      tx.setFloat64(Header.total, total);
    });
    this.#count = number;
    this.#total = total;
    return number;
  }

  /** Reads what the record of a payment holds: another payment, if that one is no longer or not yet there. */
  read(number: number): Payment {
    const start = this.offsetOf(number), view = this.#view;
    return {
      number: view.getFloat64(start + Field.number, true),
      madeAt: new Date(view.getFloat64(start + Field.madeAt, true)),
      amount: view.getFloat64(start + Field.amount, true),
      total: view.getFloat64(start + Field.total, true),
      from: view.getUint32(start + Field.from, true),
      to: view.getUint32(start + Field.to, true),
      intact: view.getUint32(start + Field.checksum, true) === checksum(view, start),
    };
  }

  /** Where the record of a payment begins, in bytes from the start of the pool's data. */
  offsetOf(number: number): number {
    return headerBytes + (number - 1) % this.capacity * recordBytes;
  }

  /** Closes the pool. A ledger that is not closed loses nothing either: every payment is durable. */
  [Symbol.dispose](): void {
    this.pool.close();
  }
}

function move(tx: Transaction, account: number, amount: number): void {
  const place = Header.balances + account * 8;
  tx.setFloat64(place, tx.getFloat64(place) + amount);
}

/** Of the 15 words before a record's checksum: FNV-1a a word at a time, mixed so that the high bits count as much. */
function checksum(view: DataView, start: number): number {
  let hash = 0x811c_9dc5;
  for (let at = start; at < start + Field.checksum; at += 4) {
    hash = Math.imul(hash ^ view.getUint32(at, true), 0x0100_0193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
