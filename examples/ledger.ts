/**
 * A ledger of payments, kept in a file and written in place: the data structure of the demo. A payment counts from the moment its number is
 * published, and is then whole, whatever happens to the process.
 *
 * ```text
 * byte 0     magic "DAXLEDGR"      the header, a page of its own; all numbers are little-endian
 *      8     u32  version
 *     12     u32  bytes of a record
 *     16     f64  capacity, in records
 *     64     u64  number of the last payment that counts; alone in its cache line
 * byte 4096  records of 64 bytes, one cache line each: payment n is record (n − 1) modulo the capacity
 *      +0    f64  n; the first payment is 1. A double is exact to 2^53
 *      +8    f64  when, in milliseconds since 1970
 *      +16   f64  amount, in cents
 *      +24   f64  total of all amounts, this one included
 *      +32   u32  the account that pays      +36  u32  the account that is paid
 *      +60   u32  checksum of the 60 bytes before it
 * ```
 *
 * A full ledger goes round: a new payment takes the place of the oldest. The record that is being written does not count yet,
 * so that `capacity − 1` payments are kept; numbers and total go on.
 *
 * @module
 */

import { CorruptionError, DaxError, type DaxFile, open } from "../mod.ts";

/** Bytes before the first record. */
export const headerBytes = 4096;
/** Bytes of a record: a cache line, so that persisting one costs one flush. */
export const recordBytes = 64;
/** Records in a ledger of 64 MiB, header included: rather more than the demo makes in a run. */
const defaultCapacity = 2 ** 20 - headerBytes / recordBytes;

const magic = 0x5247_4445_4c58_4144n; // "DAXLEDGR", first letter first
const version = 1;
const largestCount = BigInt(Number.MAX_SAFE_INTEGER) - 1n;

/** Where the header's fields are. */
const Header = { magic: 0, version: 8, recordBytes: 12, capacity: 16, count: 64 } as const;
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

/** An open ledger. One process writes it at a time: `open` has locked the file. */
export class Ledger implements Disposable {
  readonly file: DaxFile;
  readonly capacity: number;
  /** All of the file: a store into it is a store into the file. */
  readonly #view: DataView;
  #count: number;
  #total: number;

  /**
   * Opens a ledger.
   *
   * @param path the file
   * @param options `create`: make it if there is no such file, by default not; `capacity`: of one that is made, in records
   * @throws {CorruptionError} if the file is not a ledger or of another version; it is left as it was
   * @throws {DaxError} if the file cannot be opened or made, or another process has it open
   */
  static open(path: string, { create = false, capacity = defaultCapacity }: LedgerOptions = {}): Ledger {
    try {
      // To be read first: opened to write, somebody else's file would get its holes allocated
      using file = open(path, { readOnly: true });
      checkHeader(file);
    } catch (error) {
      if (!(create && error instanceof DaxError && error.code === "ENOENT")) throw error;
      return createLedger(path, capacity);
    }
    return new Ledger(open(path));
  }

  /** Takes over a file whose header is right. */
  constructor(file: DaxFile) {
    this.file = file;
    this.#view = file.view(DataView);
    this.capacity = this.#view.getFloat64(Header.capacity, true);
    this.#count = Number(this.#view.getBigUint64(Header.count, true));
    this.#total = this.#count === 0 ? 0 : this.read(this.#count).total;
  }

  /** Number of the last payment; as many were made since the ledger began. */
  get count(): number {
    return this.#count;
  }

  /** Number of the oldest payment that is still kept. */
  get first(): number {
    return Math.max(1, this.#count - this.capacity + 2);
  }

  /** Total of all payments, in cents. */
  get total(): number {
    return this.#total;
  }

  /**
   * Makes a payment. It is durable on return, and may be acknowledged.
   *
   * @param amount in cents
   * @returns its number
   */
  pay(from: number, to: number, amount: number): number {
    const number = this.#count + 1, total = this.#total + amount;
    const start = this.offsetOf(number), view = this.#view;
    view.setFloat64(start + Field.number, number, true);
    view.setFloat64(start + Field.madeAt, Date.now(), true);
    view.setFloat64(start + Field.amount, amount, true);
    view.setFloat64(start + Field.total, total, true);
    view.setUint32(start + Field.from, from, true);
    view.setUint32(start + Field.to, to, true);
    view.setUint32(start + Field.checksum, checksum(view, start), true);
    // The order is all there is to it. First the whole record, on the medium; whoever is killed until here has changed nothing
    // that counts. Then the number, eight bytes that are old or new and never a mixture: from here on the payment counts.
    this.file.persist(start, recordBytes);
    this.file.store64(Header.count, number);
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

  /** Where the record of a payment begins, in bytes from the start of the file. */
  offsetOf(number: number): number {
    return headerBytes + (number - 1) % this.capacity * recordBytes;
  }

  /** Closes the file. Nothing needs to be written back: every payment was. */
  [Symbol.dispose](): void {
    this.file.close();
  }
}

function createLedger(path: string, capacity: number): Ledger {
  const file = open(path, { create: true, exclusive: true, size: headerBytes + capacity * recordBytes });
  const header = file.view(DataView, 0, headerBytes);
  header.setUint32(Header.version, version, true);
  header.setUint32(Header.recordBytes, recordBytes, true);
  header.setFloat64(Header.capacity, capacity, true);
  file.persist(header);
  file.store64(Header.magic, magic); // last, like a payment's number: a file with the magic has the rest as well
  return new Ledger(file);
}

/** The header is a stranger's bytes until it has been checked. */
function checkHeader(file: DaxFile): void {
  const header = file.size < headerBytes ? undefined : file.view(DataView, 0, headerBytes);
  if (header?.getBigUint64(Header.magic, true) !== magic) {
    throw refusal(file, "it is not a ledger", "Name another file, or remove this one if nobody needs it");
  }
  const found = header.getUint32(Header.version, true);
  if (found !== version) {
    const hint = "Use the program that made it, or name another file";
    throw refusal(
      file,
      `it is a ledger of version ${found}, and this program knows version ${version}`,
      hint,
    );
  }
  const capacity = header.getFloat64(Header.capacity, true);
  const sizeAgrees = Number.isInteger(capacity) && headerBytes + capacity * recordBytes === file.size;
  const count = header.getBigUint64(Header.count, true);
  if (
    header.getUint32(Header.recordBytes, true) !== recordBytes || !sizeAgrees || capacity < 2 ||
    count > largestCount
  ) {
    const reason = `its header is damaged: ${capacity} records and ${count} payments, in ${file.size} bytes`;
    throw refusal(file, reason, "Remove it, or name another file");
  }
}

function refusal(file: DaxFile, reason: string, hint: string): CorruptionError {
  return new CorruptionError({ operation: "open", error: "EINVAL", path: file.path, reason, hint });
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
