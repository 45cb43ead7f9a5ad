/**
 * An open pool: what begins a transaction, and what becomes of it.
 *
 * @module
 */

import type { DaxFile, Region } from "../../mod.ts";
import { Area } from "./area.ts";
import type { Header } from "./header.ts";
import { Journal } from "./journal.ts";
import { refused } from "./refusal.ts";
import { Staging } from "./staging.ts";
import { newTransaction, setLimits, type Transaction } from "./transaction.ts";

/** Makes the handle of a pool whose header was read; only for `openPool`. */
export let newPool: (file: Region, header: Header) => Pool;

/**
 * A file in which several writes are made all or nothing. {@linkcode openPool} makes it; everything is synchronous.
 *
 * The data area can also be read and written through views of {@linkcode Pool.file}, from `dataOffset` on: reads see what was committed. What
 * is made durable there by `persist`, `flush`, `write`, `fill`, `store64`, `deepFlush` or `sync` stays, whatever transactions came
 * before; the first such call after a transaction costs three fences more.
 */
export class Pool implements Disposable {
  /** The file itself; its views see what was committed. Closing it alone is no harm: the next open puts right what is left. */
  readonly file: DaxFile;
  /** Where the data area begins in the file, in bytes: a multiple of 4096. */
  readonly dataOffset: number;
  /** Length of the data area in bytes. Offsets in transactions count from its start. */
  readonly dataLength: number;
  /** The name of the data's layout, given when the pool was made; `""` if none was. */
  readonly layout: string;
  readonly #staging: Staging;
  readonly #journal: Journal;
  readonly #transaction: Transaction;
  /** Up to where bytes may be written; −1 if the file is open to be read. */
  readonly #writeLimit: number;
  #depth = 0;
  /** What a body in a transaction threw and another one around it caught. */
  #spoiled: { readonly error: unknown } | undefined;
  #closed = false;

  static {
    newPool = (file, header) => new Pool(file, header);
  }

  private constructor(file: Region, header: Header) {
    const { geometry, layout } = header;
    const area = new Area(file, geometry);
    this.#staging = new Staging(geometry.dataLength);
    // A region has all that a DaxFile has; tests give one in its place
    this.file = file as DaxFile;
    this.dataOffset = geometry.dataOffset;
    this.dataLength = geometry.dataLength;
    this.layout = layout;
    this.#writeLimit = file.readOnly ? -1 : geometry.dataLength;
    this.#journal = new Journal(file, header, area);
    this.#transaction = newTransaction(
      area,
      this.#staging,
      (operation, isWrite) => this.#refuse(operation, isWrite),
    );
  }

  /** Whether {@linkcode Pool.close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Runs a function and makes all that it has written durable, together: after any crash all of it is there, or none. If it throws, not
   * a byte is changed.
   *
   * Costs one fence, or one msync on page granularity, if the writes fit into a slot, five if not, none if there are none. A call within a call belongs to the outer one, and nothing is
   * written before that returns; if the inner one throws, nothing is written at all, even if its error was caught.
   *
   * @param body is given the transaction, and must be done with it when it returns: it cannot be async
   * @returns what the body returned
   * @throws what the body threw
   * @throws {TypeError} if the body returned a promise, caught the error of a call within it, or the pool is closed; nothing was written
   * @throws {RangeError} if the writes take more than the pool has room for; nothing was written
   * @throws {DaxError} EIO, ENOSPC, … if the system failed to make it durable, and from then on: the pool must be opened again, and has then
   *   all of the transaction or none
   *
   * @example
   * ```ts
   * import { openPool } from "@daxfile/daxfile/transaction";
   *
   * using pool = openPool("accounts.dax", { create: true, size: 65536, layout: "accounts" });
   * const left = pool.transaction((tx) => {
   *   const balance = tx.getFloat64(0) + 100;
   *   tx.setFloat64(0, balance);
   *   tx.setFloat64(8, tx.getFloat64(8) - 100);
   *   return balance;
   * });
   * console.log(left); // 100
   * ```
   */
  transaction<T>(body: (tx: Transaction) => T): T {
    if (this.#depth > 0) return this.#within(body);
    this.#mustBeOpen("begin a transaction");
    this.#depth = 1;
    setLimits(this.#transaction, this.dataLength, this.#writeLimit);
    try {
      const result = body(this.#transaction);
      if (isThenable(result)) throw asyncBody(result);
      if (this.#spoiled !== undefined) throw spoiledBy(this.#spoiled.error);
      if (!this.#staging.isEmpty) this.#journal.commit(this.#staging);
      return result;
    } finally {
      setLimits(this.#transaction, -1, -1);
      this.#depth = 0;
      this.#spoiled = undefined;
      if (!this.#staging.isEmpty) this.#staging.clear();
    }
  }

  #within<T>(body: (tx: Transaction) => T): T {
    try {
      const result = body(this.#transaction);
      if (isThenable(result)) throw asyncBody(result);
      return result;
    } catch (error) {
      this.#spoiled ??= { error };
      throw error;
    }
  }

  /**
   * Makes everything durable in its place and closes the file. Costs three fences if there was a transaction. A second call does nothing.
   *
   * A pool that was not closed is put right when it is opened again, and has every transaction that returned.
   *
   * @throws {TypeError} if a transaction is running
   * @throws {DaxError} EIO if the system failed; the file is closed all the same, and no transaction is lost that its medium did not lose
   */
  close(): void {
    if (this.#closed) return;
    if (this.#depth > 0) throw new TypeError(`Cannot close "${this.file.path}": a transaction is running`);
    this.#closed = true;
    try {
      if (!this.file.closed) this.#journal.close();
    } finally {
      this.file.close();
    }
  }

  /** {@linkcode Pool.close}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #mustBeOpen(operation: string): void {
    if (this.#closed || this.file.closed) {
      throw new TypeError(`Cannot ${operation}: "${this.file.path}" is closed`);
    }
  }

  /** Why the running transaction, or none, lets nothing be read or written. */
  #refuse(operation: string, isWrite: boolean): void {
    if (this.#depth === 0) {
      throw new TypeError(
        `Cannot ${operation}: no transaction is running in "${this.file.path}". It ends when the function it was given to returns`,
      );
    }
    if (isWrite && this.file.readOnly) {
      throw refused(this.file, operation, "EACCES", "it is open to be read", "Open it without readOnly");
    }
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

function asyncBody(result: unknown): TypeError {
  // What it does from now on fails, because its transaction has ended; this error says why
  if (result instanceof Promise) result.catch(() => {});
  return new TypeError(
    "The body of a transaction returned a promise: it must have done all its work when it returns. Nothing was written; " +
      "await first, then begin the transaction",
  );
}

function spoiledBy(error: unknown): TypeError {
  return new TypeError(
    "A transaction within this one threw, and its error was caught: part of it was staged, so nothing was written",
    { cause: error },
  );
}
