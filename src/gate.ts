/**
 * What a call must pass before bytes of a file are written or written back, and after: the file is open and may be written, the
 * range is inside, nobody has to be asked first, and nothing was lost.
 *
 * @module
 */

import { checkInteger } from "./arguments.ts";
import { Batch } from "./batch.ts";
import { DaxError, MappingFaultError } from "./errors.ts";
import type { Guard } from "./guard.ts";
import { describe } from "./path.ts";
import { Rewritten } from "./rewritten.ts";

/** One open file's gate. */
export class Gate {
  readonly path: string;
  readonly size: number;
  readonly readOnly: boolean;
  /** The end of what the short way may write or write back: the size, or −1 when every call must look closer. */
  limit = -1;
  /** The same for records, which need not ask whoever has deferred something. */
  recordLimit = -1;
  closed = false;
  readonly #guard: Guard | undefined;
  /** Undefined until the system failed to write something back. */
  #rewritten: Rewritten | undefined;
  #settle: (() => void) | undefined;

  constructor(path: string, size: number, readOnly: boolean, guard: Guard | undefined) {
    this.path = path;
    this.size = size;
    this.readOnly = readOnly;
    this.#guard = guard;
    this.#setLimits();
  }

  #setLimits(): void {
    const plain = !this.closed && !this.readOnly && this.#guard === undefined &&
      this.#rewritten === undefined;
    this.recordLimit = plain ? this.size : -1;
    this.limit = this.#settle === undefined ? this.recordLimit : -1;
  }

  mustBeOpen(operation: string): void {
    if (this.closed) throw new TypeError(`Cannot ${operation}: "${this.path}" is closed`);
  }

  /** Everything that can be wrong before bytes are written or written back; then has settled what was deferred. */
  checkWrite(operation: string, byteOffset: number, byteLength: number): void {
    this.checkRecord(operation, byteOffset, byteLength);
    if (this.#settle !== undefined) this.#settleFirst(operation, this.#settle);
  }

  /** As {@linkcode Gate.checkWrite}, and settles nothing. */
  checkRecord(operation: string, byteOffset: number, byteLength: number): void {
    this.mustBeOpen(operation);
    if (this.readOnly) {
      const reason = "it is open to be read";
      const hint = "Open it without readOnly";
      throw new DaxError({ operation, error: "EACCES", path: this.path, reason, hint });
    }
    this.#checkRange(byteOffset, byteLength);
  }

  /** Everything that can be wrong before bytes are read. */
  checkRead(operation: string, byteOffset: number, byteLength: number): void {
    this.mustBeOpen(operation);
    this.#checkRange(byteOffset, byteLength);
  }

  #checkRange(byteOffset: number, byteLength: number): void {
    checkInteger("byteOffset", byteOffset);
    if (byteOffset < this.size) checkInteger("byteLength", byteLength);
    this.checkInside(byteOffset, byteLength);
  }

  checkInside(byteOffset: number, byteLength: number, elements = byteLength): void {
    if (byteOffset >= this.size) {
      throw new RangeError(
        `byteOffset ${byteOffset} is not inside "${this.path}", which has ${this.size} bytes`,
      );
    }
    if (byteOffset + byteLength > this.size) {
      const range = elements === byteLength
        ? `${byteLength} bytes`
        : `${elements} elements (${byteLength} bytes)`;
      throw new RangeError(
        `byteOffset ${byteOffset} and ${range} are not inside "${this.path}", which has ${this.size} bytes`,
      );
    }
    if (byteLength === 0) {
      throw new RangeError(`A range of 0 bytes at byteOffset ${byteOffset}: there is nothing to do`);
    }
  }

  /** After bytes were written: an error, or a range that is good again after one. */
  written(operation: string, byteOffset: number, byteLength: number, result: number): void {
    if (result !== 0) this.failed(operation, result);
    if (this.recordLimit >= 0) return;
    this.#rewritten?.add(byteOffset, byteOffset + byteLength);
    this.checkSurvivors(operation, byteOffset, byteLength);
  }

  /** Refuses to call bytes durable that were lost before. */
  checkSurvivors(operation: string, byteOffset: number, byteLength: number): void {
    if (this.#rewritten !== undefined && !this.#rewritten.covers(byteOffset, byteOffset + byteLength)) {
      throw new DaxError({
        operation,
        error: "EIO",
        path: this.path,
        reason: "the system failed to write this file back before, and does not say which bytes it lost",
        hint: "Write them again with write(), fill() or store64(), better into a file on another device",
      });
    }
    this.checkFaults(operation);
  }

  /** Refuses to believe bytes that a fault has replaced. */
  checkFaults(operation: string): void {
    if (this.#guard?.faulted()) throw this.faultError(operation);
  }

  /** Refuses to write back what a batch stored before bytes were lost. */
  checkBatch(operation: string, batch: Batch): void {
    for (const { byteOffset, bytes } of Batch.entries(batch.bytes)) {
      this.checkSurvivors(operation, byteOffset, bytes.byteLength);
    }
  }

  /** Says which write of a batch is outside, if that is why native code refused them. */
  checkEntries(...batches: (Batch | undefined)[]): void {
    for (const batch of batches) {
      if (batch === undefined) continue;
      for (const { byteOffset, bytes } of Batch.entries(batch.bytes)) {
        this.checkInside(byteOffset, bytes.byteLength);
      }
    }
  }

  /** After a commit: an error, or ranges that were stored anew, and are good again once written back. */
  committed(byteOffset: number, byteLength: number, result: number, batch: Batch): void {
    this.written("commit", byteOffset, byteLength, result);
    if (this.#rewritten === undefined) return;
    for (const { byteOffset, bytes } of Batch.entries(batch.bytes)) {
      this.#rewritten.add(byteOffset, byteOffset + bytes.byteLength);
    }
  }

  /** The system could not write something back: from now on nothing is durable but what is written anew. */
  failed(operation: string, result: number): never {
    this.#rewritten = new Rewritten();
    this.#setLimits();
    throw new DaxError({
      operation,
      error: -result,
      path: this.path,
      hint: "Nothing in it is durable until it is written again: the device has failed or is full",
    });
  }

  /** Sets or takes back what must be done before anything else becomes durable. */
  defer(settle: (() => void) | undefined): void {
    this.mustBeOpen("defer");
    if (settle !== undefined && typeof settle !== "function") {
      throw new TypeError(`settle is a function or undefined, not ${describe(settle)}`);
    }
    if (settle !== undefined && this.#settle !== undefined && settle !== this.#settle) {
      throw new TypeError(
        `Cannot defer: another structure in "${this.path}" has deferred already; one can for each file`,
      );
    }
    this.#settle = settle;
    this.#setLimits();
  }

  #settleFirst(operation: string, settle: () => void): void {
    this.defer(undefined);
    let settled = false;
    try {
      settle();
      settled = true;
    } finally {
      // What could not be settled stands in the way of the next call as well
      if (!settled && !this.closed) this.defer(settle);
    }
    this.mustBeOpen(operation);
  }

  /** Closes it; whether there were faults that no call has told of. */
  close(): boolean {
    this.closed = true;
    this.#settle = undefined;
    this.#setLimits();
    return this.#guard?.close() ?? false;
  }

  /** What is thrown for a fault. */
  faultError(operation: string): MappingFaultError {
    return new MappingFaultError({
      operation,
      error: "EIO",
      path: this.path,
      reason: "memory behind the file could not be reached, and stores into it were lost",
      hint: "The file was truncated, the disk is full or the medium has a bad block: close it and look",
    });
  }
}
