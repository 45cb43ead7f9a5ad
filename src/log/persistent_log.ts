/**
 * The log itself: what appends, iterates and clears, and when it writes its state.
 *
 * @module
 */

import type { Region } from "../../mod.ts";
import { type Frames, type Identity, lowOf, seedOf } from "./frames.ts";
import {
  epochMax,
  frameBytes,
  frameHeaderBytes,
  payloadBytesMax,
  recordsOffset,
  windowBytes,
} from "./layout.ts";
import { recordsOf } from "./records.ts";
import { follow, highOf, recover, type Recovered } from "./recover.ts";
import { full, refused, tooLong } from "./refusal.ts";
import { readState, type State, stateBytes, storeState } from "./state.ts";

/** A record of a log. */
export interface LogRecord {
  /** Its number: one more than that of the record before. */
  readonly sequence: number;
  /** What was appended: a copy, which stays what it is when the log is closed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Opens a log over a file that has been checked; only for `openLog`. */
export let attachLog: (frames: Frames, options: { toWrite: boolean; ownsFile: boolean }) => PersistentLog;

const later = { drain: false };

/**
 * An append-only list of records, each of them durable when {@linkcode PersistentLog.append} returns.
 *
 * {@linkcode openLog} makes it. Records are numbered from 0 on and never change; a crash loses none that was acknowledged, and of one
 * that was not, it leaves the whole or nothing.
 *
 * @example
 * ```ts
 * import { openLog } from "@daxfile/daxfile/log";
 *
 * using log = openLog("events.log", { create: true, size: 1 << 20 });
 * log.append(new TextEncoder().encode("it began"));
 * for (const { sequence, bytes } of log) console.log(sequence, new TextDecoder().decode(bytes));
 * ```
 */
export class PersistentLog implements Disposable {
  /** The file that it lies in, or the region: for its granularity and durability. Who writes into it damages the log. */
  readonly file: Region;

  readonly #frames: Frames;
  readonly #identity: Identity;
  readonly #ownsFile: boolean;
  readonly #toWrite: boolean;
  /** The state as it was last read or written. */
  #state: State;
  /** Where the next record begins, and its number. */
  #tail: number;
  #next: number;
  /** The second word of a record: its epoch. */
  #high = 0;
  /** Up to which byte append needs no closer look: 0 before the first write, and −1 while one is under way, or when one has failed. */
  #limit = 0;
  #closed = false;

  static {
    attachLog = (frames, options) => new PersistentLog(frames, options);
  }

  private constructor(frames: Frames, { toWrite, ownsFile }: { toWrite: boolean; ownsFile: boolean }) {
    this.file = frames.file;
    this.#frames = frames;
    this.#identity = frames.identity;
    this.#ownsFile = ownsFile;
    this.#toWrite = toWrite;
    const { state, tail } = recover(frames);
    this.#state = state;
    this.#tail = tail.byteOffset;
    this.#next = tail.sequence;
    if (toWrite) this.#settle(state);
  }

  /**
   * Makes durable what recovery has believed. After a power cut all of it is. But where only the process has ended, amid an append or
   * a write of the header, it may be in the caches still: before it is on the medium no record may be shown, and no slot be
   * overwritten, for the other might be lost.
   */
  #settle({ byteOffset }: State): void {
    this.file.flush(0, recordsOffset);
    if (this.#tail > byteOffset) this.file.flush(byteOffset, this.#tail - byteOffset);
    this.file.drain();
  }

  /**
   * How many records it holds. Of a log that another process writes, those that are whole at this moment.
   *
   * @throws {TypeError} if the log is closed
   */
  get length(): number {
    this.#look("count the records of");
    return this.#next - this.#state.base;
  }

  /**
   * The length in bytes of the longest record that can still be appended; 0 also where there is no room for an empty one. Each record
   * takes 16 bytes more than its length, and that rounded up to a multiple of 8.
   *
   * @throws {TypeError} if the log is closed
   */
  get freeBytes(): number {
    this.#look("measure");
    return Math.min(payloadBytesMax, Math.max(0, this.#frames.end - this.#tail - frameHeaderBytes));
  }

  /** Whether {@linkcode PersistentLog.close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Appends a record. It is durable on return, as far as {@linkcode DaxFile.durability} of the file says.
   *
   * Costs one native call with one fence, or one msync on page granularity; now and then, and at the first append of a session, one
   * write of the log's state more. What was thrown for has not been appended.
   *
   * @param record its bytes; may be none
   * @returns its sequence number
   * @throws {TypeError} if the record is no Uint8Array, or the log is closed
   * @throws {RangeError} if the log has never room for so long a record
   * @throws {DaxError} ENOSPC if there is no room left for it; EACCES if the log is open to be read; EIO if the system failed to write:
   *   whether the record is there is then not known until the log is opened again, and nothing can be appended before; EOVERFLOW if
   *   the numbers of records, 2^53 - 1, or those of sessions that write, 2^31 - 1, have come to their end
   *
   * @example
   * ```ts
   * import { openLog } from "@daxfile/daxfile/log";
   *
   * using log = openLog("events.log", { create: true, size: 1 << 20 });
   * const sequence = log.append(new TextEncoder().encode("something happened"));
   * console.log(`Record ${sequence} is durable`);
   * ```
   */
  append(record: Uint8Array): number {
    if (!(record instanceof Uint8Array)) throw noRecord(record);
    const byteOffset = this.#tail, limit = this.#limit, { length } = record;
    const end = byteOffset + frameBytes(length);
    if (end > limit) return this.#appendClosely([record], end);
    const sequence = this.#next, identity = this.#identity;
    // If this throws, the log stays shut: nobody knows what is there
    this.#limit = -1;
    // Signed, as the seed is
    const low = lowOf(identity, sequence) | 0, seed = seedOf(identity, sequence, byteOffset);
    this.file.writeRecord(byteOffset, record, low, this.#high, seed);
    this.#limit = limit;
    this.#tail = end;
    this.#next = sequence + 1;
    return sequence;
  }

  /**
   * Appends several records with one fence, or one msync: faster than one by one. All are durable on return. A crash before may leave
   * the first few of them, in order, and never a later one without those before it.
   *
   * The records are collected first: if the iterable throws, or one of them does not fit, nothing was appended.
   *
   * @param records their bytes
   * @returns the sequence number of the first; the others follow. Of none at all: the number that the next record will have
   * @throws what {@linkcode PersistentLog.append} throws, and what the iterable does
   *
   * @example
   * ```ts
   * import { openLog } from "@daxfile/daxfile/log";
   *
   * using log = openLog("events.log", { create: true, size: 1 << 20 });
   * const first = log.appendAll(["one", "two", "three"].map((text) => new TextEncoder().encode(text)));
   * console.log(`Records ${first} to ${first + 2} are durable`);
   * ```
   */
  appendAll(records: Iterable<Uint8Array>): number {
    const list: Uint8Array[] = [];
    for (const record of records) {
      if (!(record instanceof Uint8Array)) throw noRecord(record);
      list.push(record);
    }
    let end = this.#tail;
    for (const { length } of list) end += frameBytes(length);
    return this.#appendClosely(list, end);
  }

  /**
   * Removes every record. Durable on return, and whole or not at all. Sequence numbers go on where they were, so that none is ever
   * given twice. Costs two fences.
   *
   * @throws {TypeError} if the log is closed
   * @throws {DaxError} EACCES if the log is open to be read; EIO as for {@linkcode PersistentLog.append}; EOVERFLOW if it is the first
   *   write of a session, and 2^31 - 1 sessions have written before
   *
   * @example
   * ```ts
   * import { openLog } from "@daxfile/daxfile/log";
   *
   * using log = openLog("events.log", { create: true, size: 1 << 20 });
   * log.append(new TextEncoder().encode("handled by now"));
   * log.clear();
   * console.log(log.length); // 0
   * ```
   */
  clear(): void {
    this.#mustBeWritable("clear");
    if (this.#next === this.#state.base) return;
    // What is left of this session has smaller numbers than the records to come; only what is left of another may not
    const epoch = this.#limit === 0 ? this.#nextEpoch("clear") : this.#state.epoch, base = this.#next;
    const limit = Math.min(recordsOffset + windowBytes(this.file.size), this.#frames.end);
    this.#limit = -1;
    const change = { epoch, base, byteOffset: recordsOffset, limit };
    this.#tail = recordsOffset;
    this.#writeState(change);
    this.#writeState({});
    this.#begun();
  }

  /**
   * The records from the first to the last that is there when the iteration begins. It ends earlier if the log is cleared meanwhile: at
   * once if it is cleared here, and where new records have taken the place of the old if another process does. Each is checked as it is
   * read.
   *
   * @throws {CorruptionError} at a record that is not what was appended, naming its place
   * @throws {TypeError} if the log is closed
   *
   * @example
   * ```ts
   * import { openLog } from "@daxfile/daxfile/log";
   *
   * using log = openLog("events.log", { create: true, size: 1 << 20 });
   * log.append(new Uint8Array([1, 2, 3]));
   * for (const { sequence, bytes } of log) console.log(sequence, bytes.length);
   * ```
   */
  *[Symbol.iterator](): Generator<LogRecord, void, undefined> {
    this.#look("iterate");
    const { base } = this.#state;
    for (const { sequence, bytes } of recordsOf(this.#frames, base, this.#next)) {
      yield { sequence, bytes };
      this.#mustBeOpen("iterate");
      if (this.#state.base !== base) return;
    }
  }

  /**
   * Ends the use of the log, and of the file if {@linkcode openLog} opened it. Notes in the log where it ends, if anything was written:
   * the next open then need not look for it, and finds damage to the last records as well. Without it nothing is lost. A second call
   * does nothing.
   *
   * @throws {DaxError} EIO if the system failed to write that; the log is closed all the same
   *
   * @example
   * ```ts
   * import { openLog } from "@daxfile/daxfile/log";
   *
   * const log = openLog("events.log", { create: true, size: 1 << 20 });
   * log.close();
   * ```
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const isSound = this.#limit > 0 && !this.file.closed;
    this.#limit = 0;
    try {
      if (isSound) this.#writeState({ isClean: true, byteOffset: this.#tail, limit: this.#tail });
    } finally {
      if (this.#ownsFile) this.file.close();
    }
  }

  /** {@linkcode PersistentLog.close}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Appends records together, up to the given end, after everything was checked; what append and appendAll share. */
  #appendClosely(records: readonly Uint8Array[], end: number): number {
    this.#mustBeWritable("append to");
    const first = this.#next, { length } = records;
    if (length === 0) return first;
    this.#mustFit(records, end);
    const isFirstWrite = this.#limit === 0, needsState = end > this.#limit;
    const epoch = isFirstWrite ? this.#nextEpoch("append to") : this.#state.epoch;
    const isPaged = this.file.granularity === "page";
    let from = this.#tail;
    this.#limit = -1;
    if (needsState) {
      const limit = Math.min(end + windowBytes(this.file.size), this.#frames.end);
      const change = { epoch, byteOffset: from, limit };
      // An epoch is durable before any record of it is there; its second copy, like a checkpoint, with the records
      if (isFirstWrite) this.#writeState(change);
      const slot = this.#storeState(change);
      if (isPaged) from = slot;
      else this.file.flush(slot, stateBytes);
    }
    this.#writeAll(records, epoch, isPaged);
    if (isPaged) this.file.persist(from, end - from);
    this.#tail = end;
    this.#next = first + length;
    this.#begun();
    return first;
  }

  /** Writes the frames of records after the tail, the last one with the fence; on page granularity all are only stored. */
  #writeAll(records: readonly Uint8Array[], epoch: number, isPaged: boolean): void {
    let byteOffset = this.#tail, sequence = this.#next;
    for (const record of records) {
      const isFirst = sequence === this.#next, isLast = sequence === this.#next + records.length - 1;
      const low = lowOf(this.#identity, sequence), seed = seedOf(this.#identity, sequence, byteOffset);
      const high = highOf(epoch, isFirst);
      if (isPaged) this.#frames.store(byteOffset, record, low, high, seed);
      else if (isLast) this.file.writeRecord(byteOffset, record, low, high, seed);
      else this.file.writeRecord(byteOffset, record, low, high, seed, later);
      byteOffset += frameBytes(record.length);
      sequence++;
    }
  }

  /** Writes the state with some changes, durable on return. */
  #writeState(change: Partial<State>): void {
    this.file.persist(this.#storeState(change), stateBytes);
  }

  /** Stores the state with some changes; gives the place that is to be written back. */
  #storeState(change: Partial<State>): number {
    const number = this.#state.number + 1;
    this.#state = { ...this.#state, isClean: false, sequence: this.#next, ...change, number };
    return storeState(this.#frames, this.#state);
  }

  /** After a write: append goes the short way again. */
  #begun(): void {
    this.#limit = this.#state.limit;
    this.#high = highOf(this.#state.epoch, true);
  }

  #nextEpoch(operation: string): number {
    const { epoch } = this.#state;
    if (epoch < epochMax) return epoch + 1;
    const reason = `${epochMax} sessions have written to it, and it cannot count more`;
    throw refused(this.file, `${operation} the log`, "EOVERFLOW", reason, "Copy its records to a new log");
  }

  #mustFit(records: readonly Uint8Array[], end: number): void {
    const room = this.#frames.end - recordsOffset;
    for (const { length } of records) {
      if (length > payloadBytesMax || frameBytes(length) > room) throw tooLong(this.file, length, room);
    }
    if (end > this.#frames.end) throw full(this.file, end - this.#tail, this.#frames.end - this.#tail);
    if (this.#next + records.length > Number.MAX_SAFE_INTEGER) {
      const reason = `its sequence numbers end at ${Number.MAX_SAFE_INTEGER}`;
      throw refused(this.file, "append to the log", "EOVERFLOW", reason, "Copy its records to a new log");
    }
  }

  /** Before anything is read: of a log that another process may write, looks for what has come or gone. */
  #look(operation: string): void {
    this.#mustBeOpen(operation);
    if (this.#toWrite) return;
    const state = readState(this.#frames), { epoch, base } = this.#state;
    let found: Recovered;
    if (state.epoch !== epoch || state.base !== base) found = recover(this.#frames);
    else {
      const tail = { byteOffset: this.#tail, sequence: this.#next };
      found = { state, tail: follow(this.#frames, epoch, tail) };
    }
    this.#state = found.state;
    this.#tail = found.tail.byteOffset;
    this.#next = found.tail.sequence;
  }

  #mustBeOpen(operation: string): void {
    if (this.#closed || this.file.closed) {
      throw new TypeError(`Cannot ${operation} the log "${this.file.path}": it is closed`);
    }
  }

  #mustBeWritable(operation: string): void {
    this.#mustBeOpen(operation);
    if (!this.#toWrite) {
      const hint = "Open it without readOnly";
      throw refused(this.file, `${operation} the log`, "EACCES", "it is open to be read", hint);
    }
    if (this.#limit < 0) {
      const reason = "a write to it has failed before, and what is there is not known";
      throw refused(this.file, `${operation} the log`, "EIO", reason, "Close it, and open it again to see");
    }
  }
}

function noRecord(value: unknown): TypeError {
  const found = value === null
    ? "null"
    : typeof value === "object"
    ? value.constructor?.name ?? "an object"
    : typeof value;
  return new TypeError(
    `A record is a Uint8Array, not ${found}: encode text with TextEncoder, and a buffer with new Uint8Array(buffer)`,
  );
}
