/**
 * A list of writes that `DaxFile.commit` journals and applies: how it is encoded, in memory and in a record.
 *
 * Entries lie one after another. Each is a u64, little-endian: where to (48 bits) and how many bytes (16 bits, 1 to 65535); then
 * those bytes, then zeros to a multiple of 8. Where two overlap, the later one wins.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { checkInteger, within } from "./arguments.ts";
import { describe } from "./path.ts";

const headerBytes = 8;

/** Up to which size bytes are copied one by one: a call of `set` costs more. */
const loopBytes = 32;

/** What a longer source is cut into: the largest multiple of 8 that 16 bits can say. */
const pieceBytes = 65528;

/** Offsets have 48 bits: 256 TiB, as much as an x86-64 process can map. */
const offsetLimit = 2 ** 48;

/** Where a batch's bytes lie, for native code; only for `DaxFile`, and only while the batch is held. */
export let addressOfBatch: (batch: Batch) => number;

/** One write of a batch. */
export interface BatchEntry {
  /** Where it goes, from the start of the file. */
  readonly byteOffset: number;
  /** What goes there: a view of the encoded bytes. */
  readonly bytes: Uint8Array;
}

/**
 * A list of writes, encoded as they are added, for {@linkcode DaxFile.commit}. Nothing of it is in the file before.
 *
 * It belongs to no file and can be used again and again; its offsets are checked against a file when it is committed.
 *
 * @example
 * ```ts
 * import { Batch } from "@daxfile/daxfile";
 *
 * const batch = new Batch(1024);
 * batch.write(4096, new TextEncoder().encode("left"));
 * batch.write(8192, new TextEncoder().encode("right"));
 * console.log(batch.byteLength); // 32: two words that say where, two for the text
 * batch.clear();
 * ```
 */
export class Batch {
  /** How many bytes of entries it can hold. */
  readonly capacity: number;
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  #byteLength = 0;
  /** Of no number at first: the engine then keeps it as one object, and makes none whenever it is asked for. */
  #address: number | undefined;

  static {
    addressOfBatch = (batch) => {
      if (typeof batch !== "object" || batch === null || !(#memory in batch)) {
        throw new TypeError(`batch is a Batch, not ${describe(batch)}`);
      }
      // A buffer that was moved away has no bytes left, and its address is another's
      if (batch.#memory.byteLength < batch.#byteLength) throw movedAway();
      return batch.#address ??= library().runtime.addressOf(batch.#memory)!;
    };
  }

  /**
   * An empty list.
   *
   * @param byteLength bytes that its entries may take: for each write 8, and its bytes rounded up to a multiple of 8
   * @throws {RangeError} if that is no integer, or less than the 16 bytes of the smallest entry
   * @throws {TypeError} if it is no number
   */
  constructor(byteLength: number) {
    checkInteger("byteLength", byteLength);
    if (byteLength < 2 * headerBytes) {
      throw new RangeError(
        `byteLength ${byteLength} has no room for a write: at least ${2 * headerBytes} bytes`,
      );
    }
    this.capacity = byteLength - byteLength % 8;
    // Outside of the engine's heap, where nothing moves: its address is asked for once
    const buffer = new ArrayBuffer(Math.max(this.capacity, 256));
    this.#memory = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** How many bytes the entries take so far; a multiple of 8. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** The entries so far, encoded: a view, good until the next {@linkcode Batch.write} or {@linkcode Batch.clear}. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(0, this.#byteLength);
  }

  /**
   * Adds a write. A source of more than 65528 bytes takes an entry for each so many.
   *
   * @param byteOffset where it goes, from the start of the file
   * @param source what goes there, copied now
   * @param start first byte of the source; default 0
   * @param end where it ends; by default the end of the source
   * @throws {RangeError} if start and end are no part of the source, there is nothing to write, it ends past 2^48, or there is no
   *   room left; nothing was added then
   * @throws {TypeError} if the offset is no number or the source no Uint8Array
   *
   * @example
   * ```ts
   * import { Batch } from "@daxfile/daxfile";
   *
   * const batch = new Batch(64);
   * batch.write(128, new Uint8Array([1, 2, 3]));
   * console.log(batch.byteLength, batch.capacity); // 16 64
   * ```
   */
  write(byteOffset: number, source: Uint8Array, start = 0, end?: number): void {
    const wanted = (end ?? source?.byteLength) - start;
    // The short way: everything is right, and it is one entry
    if (
      wanted <= pieceBytes && headerBytes + wanted + (-wanted & 7) <= this.capacity - this.#byteLength &&
      within(byteOffset, wanted, offsetLimit) && source instanceof Uint8Array &&
      within(start, wanted, source.byteLength) && this.#memory.byteLength > 0
    ) return this.#add(byteOffset, source, start, wanted);
    if (!(source instanceof Uint8Array)) {
      throw new TypeError(`source is a Uint8Array, not ${describe(source)}`);
    }
    checkInteger("byteOffset", byteOffset);
    const byteLength = (end ?? source.byteLength) - start;
    if (!(within(start, byteLength, source.byteLength) || byteLength === 0)) {
      throw new RangeError(
        `start ${start} and end ${end ?? "of all"} are no part of ${source.byteLength} bytes`,
      );
    }
    if (byteLength === 0) {
      throw new RangeError(`A write of 0 bytes at byteOffset ${byteOffset}: there is nothing to do`);
    }
    if (byteOffset + byteLength > offsetLimit) {
      throw new RangeError(
        `byteOffset ${byteOffset} and ${byteLength} bytes end past 2^48, the limit of a batch`,
      );
    }
    const pieces = byteLength <= pieceBytes ? 1 : Math.ceil(byteLength / pieceBytes);
    const needed = pieces * headerBytes + Math.ceil(byteLength / 8) * 8;
    if (needed > this.capacity - this.#byteLength) {
      throw new RangeError(
        `A write of ${byteLength} bytes takes ${needed} of a batch that has ${
          this.capacity - this.#byteLength
        } of ${this.capacity} bytes left: give it more`,
      );
    }
    if (this.#memory.byteLength === 0) throw movedAway();
    if (pieces === 1) return this.#add(byteOffset, source, start, byteLength);
    for (let done = 0; done < byteLength; done += pieceBytes) {
      this.#add(byteOffset + done, source, start + done, Math.min(pieceBytes, byteLength - done));
    }
  }

  #add(byteOffset: number, source: Uint8Array, first: number, byteLength: number): void {
    const at = this.#byteLength, start = at + headerBytes, end = start + byteLength + (-byteLength & 7);
    const words = this.#words, memory = this.#memory;
    words[at >>> 2] = byteOffset >>> 0;
    words[(at >>> 2) + 1] = Math.floor(byteOffset / 0x1_0000_0000) | byteLength << 16;
    words[(end >>> 2) - 2] = 0;
    words[(end >>> 2) - 1] = 0;
    if (byteLength > loopBytes) {
      memory.set(byteLength === source.length ? source : source.subarray(first, first + byteLength), start);
    } else for (let i = 0; i < byteLength; i++) memory[start + i] = source[first + i]!;
    this.#byteLength = end;
  }

  /** Empties it. */
  clear(): void {
    this.#byteLength = 0;
  }

  /**
   * Reads what a batch encoded, for instance from the payload of the record that {@linkcode DaxFile.commit} wrote.
   *
   * @param encoded the whole of {@linkcode Batch.bytes}, or a copy of it
   * @throws {RangeError} where the bytes are not those of a batch; the entries before are given first
   *
   * @example
   * ```ts
   * import { Batch } from "@daxfile/daxfile";
   *
   * const batch = new Batch(64);
   * batch.write(128, new Uint8Array([1, 2, 3]));
   * for (const { byteOffset, bytes } of Batch.entries(batch.bytes)) console.log(byteOffset, bytes); // 128, 1 2 3
   * ```
   */
  static *entries(encoded: Uint8Array): Generator<BatchEntry, void, undefined> {
    const end = encoded.byteLength;
    for (let at = 0; at < end;) {
      let byteOffset = 0;
      for (let i = 5; i >= 0; i--) byteOffset = byteOffset * 256 + (encoded[at + i] ?? 0);
      const byteLength = (encoded[at + 6] ?? 0) + (encoded[at + 7] ?? 0) * 256;
      const start = at + headerBytes, next = start + Math.ceil(byteLength / 8) * 8;
      if (byteLength === 0 || next > end) {
        throw new RangeError(
          `Byte ${at} of ${end} begins no write of a batch: ${byteLength} bytes for ${byteOffset}`,
        );
      }
      yield { byteOffset, bytes: encoded.subarray(start, start + byteLength) };
      at = next;
    }
  }
}

function movedAway(): TypeError {
  return new TypeError("The buffer of this batch was moved away: make another batch");
}
