/**
 * Records and batches of one file: the checks before the native calls, and how a payload crosses to them.
 *
 * @module
 */

import { library, type Native, type Runtime } from "../ffi/library.ts";
import { checkInteger, checkRecord, checkWord, flagsOf, within, type WriteOptions } from "./arguments.ts";
import { addressOfBatch, type Batch } from "./batch.ts";
import type { Gate } from "./gate.ts";
import type { Mapping } from "./mapping.ts";
import { describe } from "./path.ts";
import { scratchStart } from "./system.ts";

/** Bytes of a record before its payload. */
const headerBytes = 16;

/** The longest payload of a record, whose length is a word of 32 bits. */
const payloadBytesMax = 2 ** 32 - 1;

/** How many bytes are copied to where native code can read them, if where they lie is not known; of more it is asked for. */
export const stagingBytes: number = 16 * 1024;

let native: Native, runtime: Runtime, scratch: Uint8Array, scratchAddress = 0;

/** What `DaxFile` does for {@linkcode DaxFile.writeRecord} and its like. */
export class Records {
  readonly #address: number;
  readonly #size: number;
  readonly #mode: number;
  readonly #gate: Gate;

  constructor(mapping: Mapping, mode: number, gate: Gate) {
    const loaded = library();
    native = loaded.native;
    runtime = loaded.runtime;
    scratch = loaded.scratch.bytes;
    scratchAddress = loaded.scratch.address + scratchStart;
    this.#address = mapping.address;
    this.#size = mapping.byteLength;
    this.#mode = mode;
    this.#gate = gate;
  }

  write(
    byteOffset: number,
    source: Uint8Array,
    low: number,
    high: number,
    seed: number,
    options: WriteOptions | undefined,
  ): void {
    if (!(source instanceof Uint8Array)) {
      throw new TypeError(`source is a Uint8Array, not ${describe(source)}`);
    }
    const { byteLength } = source, frameBytes = headerBytes + byteLength + (-byteLength & 7);
    if (!within(byteOffset, frameBytes, this.#gate.recordLimit)) {
      this.#gate.checkRecord("writeRecord", byteOffset, frameBytes);
    }
    checkRecord(byteOffset, low, high, seed);
    if (byteLength > payloadBytesMax) {
      throw new RangeError(`source has ${byteLength} bytes, and the payload of a record at most 2^32 - 1`);
    }
    const mode = options === undefined ? this.#mode : this.#mode | flagsOf(options);
    const destination = this.#address + byteOffset;
    let from = byteLength === 0
      ? undefined
      : byteLength <= stagingBytes
      ? runtime.quickAddressOf(source)
      : runtime.addressOf(source)!;
    // Bytes that the record might be written over are copied first
    if (from === undefined || (from < destination + frameBytes && destination < from + byteLength)) {
      if (byteLength <= stagingBytes) {
        scratch.set(source, scratchStart);
        from = scratchAddress;
      } else {
        source = source.slice();
        from = runtime.addressOf(source)!;
      }
    }
    // >>> 0: Deno takes -0 for no integer
    const result = native.daxfile1_record(
      destination,
      from,
      byteLength,
      low >>> 0,
      high >>> 0,
      seed >>> 0,
      mode,
    );
    // Its length again: until here the engine may not collect a source of which only the address crossed
    this.#gate.written("writeRecord", byteOffset, frameBytes - byteLength + source.byteLength, result);
  }

  checksum(byteOffset: number, byteLength: number, seed: number): number {
    if (this.#gate.closed || !within(byteOffset, byteLength, this.#size)) {
      this.#gate.checkRead("checksum", byteOffset, byteLength);
    }
    checkWord("seed", seed);
    const result = native.daxfile1_checksum(this.#address + byteOffset, byteLength, seed >>> 0, this.#mode);
    if (this.#gate.recordLimit < 0) this.#gate.checkFaults("checksum");
    return result;
  }

  length(byteOffset: number, end: number, seed: number): number {
    this.#gate.mustBeOpen("recordLength");
    this.#checkPlace("byteOffset", byteOffset);
    this.#checkPlace("end", end);
    checkRecord(byteOffset, 0, 0, seed);
    const byteLength = end - byteOffset;
    if (byteLength < headerBytes) return -1;
    const result = native.daxfile1_record_length(
      this.#address + byteOffset,
      byteLength,
      seed >>> 0,
      this.#mode,
    );
    if (this.#gate.recordLimit < 0) this.#gate.checkFaults("recordLength");
    return result;
  }

  commit(
    byteOffset: number,
    batch: Batch,
    low: number,
    high: number,
    seed: number,
    previous: Batch | undefined,
  ): void {
    const gate = this.#gate;
    const from = addressOfBatch(batch), { byteLength } = batch, frameBytes = headerBytes + byteLength;
    let before = 0, beforeBytes = 0;
    if (previous !== undefined) {
      before = addressOfBatch(previous);
      beforeBytes = previous.byteLength;
    }
    if (!within(byteOffset, frameBytes, gate.recordLimit)) {
      gate.checkRecord("commit", byteOffset, frameBytes);
      if (previous !== undefined) gate.checkBatch("commit", previous);
    }
    checkRecord(byteOffset, low, high, seed);
    const result = native.daxfile1_commit(
      this.#address,
      this.#size,
      byteOffset,
      from,
      byteLength,
      before,
      beforeBytes,
      low >>> 0,
      high >>> 0,
      seed >>> 0,
      this.#mode,
    );
    if (result === 0 && gate.recordLimit >= 0) return;
    if (result !== 0) gate.checkEntries(batch, previous);
    gate.committed(byteOffset, frameBytes, result, batch);
  }

  /** A place in the file, its end included. */
  #checkPlace(name: string, value: number): void {
    checkInteger(name, value);
    if (value > this.#size) {
      const { path } = this.#gate;
      throw new RangeError(`${name} ${value} is not inside "${path}", which has ${this.#size} bytes`);
    }
  }
}
