/**
 * An open persistent file: views of its bytes, and the ways to make them durable.
 *
 * @module
 */

import { library, type Native } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import {
  checkInteger,
  flagsOf,
  isViewClass,
  type ViewConstructor,
  within,
  type WriteOptions,
} from "./arguments.ts";
import { deepFlushRegions } from "./deep_flush.ts";
import type { Decision, Durability, Granularity } from "./durability.ts";
import { DaxError, MappingFaultError } from "./errors.ts";
import type { Guard } from "./guard.ts";
import { type Mapping, windowBytes } from "./mapping.ts";
import type { Medium } from "./medium.ts";
import { describe } from "./path.ts";
import { Rewritten } from "./rewritten.ts";
import { closeFile, scratchStart } from "./system.ts";

/** What `open` found out and made. */
export interface Attachment {
  readonly path: string;
  readonly mapping: Mapping;
  readonly readOnly: boolean;
  readonly mapSync: boolean;
  readonly isStatic: boolean;
  readonly decision: Decision;
  readonly medium: Medium;
  readonly guard: Guard | undefined;
}

/** Makes the handle of a mapped file; only for `open`. */
export let attach: (attachment: Attachment) => DaxFile;

let native: Native;

/** How many bytes cross through the scratch memory; what is larger is copied from where it lies. */
const stagingBytes = 16 * 1024;

/** How many bytes sync() flushes between two looks at the clock, and for how many milliseconds before the event loop has its turn. */
const syncStepBytes = 2 ** 18, syncTurnMs = 1;

/**
 * A file as memory: typed arrays over it *are* the file, and {@linkcode DaxFile.persist} makes what was written durable.
 *
 * {@linkcode open} makes it. Everything but {@linkcode DaxFile.sync} is synchronous.
 *
 * @example Count how often this program ran
 * ```ts
 * import { open } from "@daxfile/daxfile";
 *
 * using file = open("runs.dax", { create: true, size: 4096 });
 * const runs = file.view(Float64Array, 0, 1);
 * runs[0]!++;
 * file.persist(runs);
 * console.log(`Run ${runs[0]}, kept over ${file.durability}`);
 * ```
 */
export class DaxFile implements Disposable {
  /** The file, as it was named to {@linkcode open}. */
  readonly path: string;
  /** Whether it was opened to be read: stores into a view then stay in this process and reach no file. */
  readonly readOnly: boolean;
  /** What must be written back at once: nothing (`"byte"`), a cache line, or a page. */
  readonly granularity: Granularity;
  /** What survives once persist has returned: `"power-loss"`, or only `"process-exit"`. */
  readonly durability: Durability;
  /** Whether its blocks cannot move while it is open. */
  readonly isStatic: boolean;
  /** Whether the kernel mapped it with MAP_SYNC: its own metadata is durable before a page can be written. */
  readonly mapSync: boolean;

  readonly #mapping: Mapping;
  readonly #address: number;
  readonly #size: number;
  readonly #mode: number;
  readonly #medium: Medium;
  readonly #guard: Guard | undefined;
  /** The end of what the short way may write back: the size, or −1 when every call must look closer. */
  #limit: number;
  /** Undefined until the system failed to write something back. */
  #rewritten: Rewritten | undefined;
  #closed = false;
  /** The buffer that was asked for last, and where it begins. Null and not undefined: that is the `buffer` of an object that is no view. */
  #lastBuffer: ArrayBufferLike | null = null;
  #lastStart = 0;

  static {
    attach = (attachment) => new DaxFile(attachment);
  }

  private constructor({ path, mapping, readOnly, mapSync, isStatic, decision, medium, guard }: Attachment) {
    native = library().native;
    this.path = path;
    this.readOnly = readOnly;
    this.mapSync = mapSync;
    this.isStatic = isStatic;
    this.granularity = decision.granularity;
    this.durability = decision.durability;
    this.#mapping = mapping;
    this.#address = mapping.address;
    this.#size = mapping.byteLength;
    this.#mode = decision.mode;
    this.#medium = medium;
    this.#guard = guard;
    this.#limit = readOnly || guard !== undefined ? -1 : this.#size;
  }

  /** Length of the mapped file in bytes; it does not change while it is open. */
  get size(): number {
    return this.#size;
  }

  /** Whether {@linkcode DaxFile.close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * A typed array or DataView over the file's own bytes: no copy. Stores into it are durable after {@linkcode DaxFile.persist}.
   *
   * One view covers at most 1 GiB, for beyond 2 GiB both engines are twenty times slower at each element; take several.
   * {@linkcode DaxFile.close} empties it.
   *
   * @param type the class of the view
   * @param byteOffset first byte, from the start of the file; a multiple of the element's size
   * @param length number of elements (of bytes, for DataView); by default as many as the file still holds
   * @throws {RangeError} if it is not inside the file, is misaligned, empty, or over 1 GiB
   * @throws {TypeError} if `type` is no class of views, or the file is closed
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * const balances = file.view(Float64Array, 1024, 16);
   * balances[3] = 12.5;
   * file.persist(balances);
   * ```
   */
  view<T extends ArrayBufferView>(type: ViewConstructor<T>, byteOffset = 0, length?: number): T {
    this.#mustBeOpen("view");
    if (typeof type !== "function" || !isViewClass(type)) {
      throw new TypeError(
        `Cannot view "${this.path}": ${describe(type)} is not a typed array class or DataView`,
      );
    }
    const elementBytes = type.BYTES_PER_ELEMENT ?? 1;
    checkInteger("byteOffset", byteOffset);
    if (byteOffset % elementBytes !== 0) {
      throw new RangeError(
        `byteOffset ${byteOffset} is not a multiple of ${elementBytes}, the bytes of an element of ${type.name}`,
      );
    }
    const count = length ?? Math.floor((this.#size - byteOffset) / elementBytes);
    if (length !== undefined) checkInteger("length", length);
    const byteLength = count * elementBytes;
    this.#checkInside(byteOffset, byteLength, count);
    if (byteLength > windowBytes) {
      throw new RangeError(
        `A view of ${byteLength} bytes is over the limit of ${windowBytes}: take several views`,
      );
    }
    const { buffer, start } = this.#mapping.window(byteOffset, byteLength);
    return new type(buffer, byteOffset - start, count);
  }

  /**
   * Makes bytes durable: on return they survive what {@linkcode DaxFile.durability} says.
   *
   * Costs one cache flush per 64-byte line and one fence on persistent memory, one msync of whole pages elsewhere, which
   * then blocks for as long as the disk takes.
   *
   * @param view the bytes: a view of this file
   * @throws {RangeError} if the range is empty or not inside the file
   * @throws {TypeError} if the view is not of this file or is detached, or the file is closed
   * @throws {DaxError} EIO or ENOSPC if the system failed to write, now or before: nothing in the file is then called durable until
   *   it was written anew by {@linkcode DaxFile.write}, `fill` or `store64`; EACCES if the file is open to be read
   * @throws {MappingFaultError} if a store was lost (option `guard`)
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * const counter = file.view(BigUint64Array, 0, 1);
   * counter[0]!++;
   * file.persist(counter);
   * ```
   */
  persist(view: ArrayBufferView): void;
  /**
   * Makes a range durable.
   *
   * @param byteOffset first byte, from the start of the file; default 0
   * @param byteLength number of bytes; by default the rest of the file
   */
  persist(byteOffset?: number, byteLength?: number): void;
  persist(first?: ArrayBufferView | number, second?: number): void {
    const start = this.#start(first);
    const length = this.#length(first, second, start);
    if (!within(start, length, this.#limit)) {
      return this.#writeBackClosely("persist", this.#mode, first, start, length);
    }
    const result = native.daxfile1_persist(this.#address + start, length, this.#mode);
    if (result !== 0) this.#writeBackFailed("persist", result);
  }

  /**
   * Starts writing bytes back without waiting: they are durable after the next {@linkcode DaxFile.drain}. Several ranges thus
   * cost one wait. On page granularity this is the msync, and waits.
   *
   * @param view the bytes: a view of this file
   * @throws what {@linkcode DaxFile.persist} throws
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * const bytes = file.view(Uint8Array);
   * bytes[0] = 1;
   * bytes[2048] = 2;
   * file.flush(0, 1);
   * file.flush(2048, 1);
   * file.drain();
   * ```
   */
  flush(view: ArrayBufferView): void;
  /**
   * Starts writing a range back.
   *
   * @param byteOffset first byte; default 0
   * @param byteLength number of bytes; by default the rest of the file
   */
  flush(byteOffset?: number, byteLength?: number): void;
  flush(first?: ArrayBufferView | number, second?: number): void {
    const start = this.#start(first);
    const length = this.#length(first, second, start);
    if (!within(start, length, this.#limit)) {
      return this.#writeBackClosely("flush", this.#mode, first, start, length);
    }
    const result = native.daxfile1_flush(this.#address + start, length, this.#mode);
    if (result !== 0) this.#writeBackFailed("flush", result);
  }

  /**
   * Waits until everything flushed before is durable. One fence; nothing on page granularity, where flush has waited.
   *
   * @throws {TypeError} if the file is closed
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.write(0, new Uint8Array([1]), { drain: false });
   * file.write(64, new Uint8Array([2]), { drain: false });
   * file.drain();
   * ```
   */
  drain(): void {
    this.#mustBeOpen("drain");
    native.daxfile1_drain(this.#mode);
  }

  /**
   * Persists, and also empties the memory controller's queue, for those who do not trust its power reserve (ADR). A system call:
   * msync on a file, the region's `deep_flush` in sysfs on device-dax.
   *
   * @param view the bytes: a view of this file
   * @throws what {@linkcode DaxFile.persist} throws; {@linkcode DaxError} if the region cannot be told to (device-dax, not root)
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.view(Uint8Array)[0] = 1;
   * file.deepFlush(0, 1);
   * ```
   */
  deepFlush(view: ArrayBufferView): void;
  /**
   * Deep-flushes a range.
   *
   * @param byteOffset first byte; default 0
   * @param byteLength number of bytes; by default the rest of the file
   */
  deepFlush(byteOffset?: number, byteLength?: number): void;
  deepFlush(first?: ArrayBufferView | number, second?: number): void {
    const start = this.#start(first);
    const length = this.#length(first, second, start);
    const onFile = this.#medium.fileSystem !== "device-dax";
    const mode = onFile ? (this.#mode & ~Mode.methodMask) | Mode.msync : this.#mode;
    this.#writeBackClosely("deepFlush", mode, first, start, length);
    if (!onFile) deepFlushRegions(this.#medium, this.path);
  }

  /**
   * Copies bytes into the file and makes them durable, in one native call. Faster than storing and persisting from 256 bytes on.
   *
   * An aligned piece of 8 bytes is never torn by a power cut; the copy as a whole can be: publish it with
   * {@linkcode DaxFile.store64} once it is durable. The source may overlap the destination.
   *
   * @param byteOffset first byte to write
   * @param source the bytes to copy, of any view
   * @param options `nontemporal`: past the caches or through them; `drain`: false to wait later
   * @throws {RangeError} if the source is empty or does not fit
   * @throws {TypeError} if the source is no view, or the file is closed
   * @throws {DaxError} as {@linkcode DaxFile.persist}
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.write(128, new TextEncoder().encode("durable on return"));
   * ```
   */
  write(byteOffset: number, source: ArrayBufferView, options?: WriteOptions): void {
    if (!ArrayBuffer.isView(source)) {
      throw new TypeError(`source is a typed array or DataView, not ${describe(source)}`);
    }
    const byteLength = source.byteLength;
    if (!within(byteOffset, byteLength, this.#limit)) this.#checkWrite("write", byteOffset, byteLength);
    const mode = options === undefined ? this.#mode : this.#mode | flagsOf(options);
    const destination = this.#address + byteOffset;
    const known = this.#addressOf(source);
    let result = 0;
    if (known !== undefined) {
      result = native.daxfile1_copy(destination, known, byteLength, mode);
    } else {
      const { address, bytes } = library().scratch;
      const from = source instanceof Uint8Array
        ? source
        : new Uint8Array(source.buffer, source.byteOffset, byteLength);
      for (let done = 0; done < byteLength && result === 0; done += stagingBytes) {
        const count = Math.min(stagingBytes, byteLength - done);
        bytes.set(count === byteLength ? from : from.subarray(done, done + count), scratchStart);
        result = native.daxfile1_copy(destination + done, address + scratchStart, count, mode);
      }
    }
    this.#written("write", byteOffset, byteLength, result);
  }

  /**
   * Sets every byte of a range to one value and makes it durable.
   *
   * @param byteOffset first byte
   * @param byteLength number of bytes
   * @param value 0 to 255; default 0
   * @param options as for {@linkcode DaxFile.write}
   * @throws {RangeError} if the range is empty or not inside the file, or the value is no byte
   * @throws {TypeError} if the file is closed
   * @throws {DaxError} as {@linkcode DaxFile.persist}
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.fill(0, file.size);
   * ```
   */
  fill(byteOffset: number, byteLength: number, value = 0, options?: WriteOptions): void {
    if (!within(byteOffset, byteLength, this.#limit)) this.#checkWrite("fill", byteOffset, byteLength);
    checkInteger("value", value);
    if (value > 255) throw new RangeError(`value ${value} is not a byte: at most 255`);
    const mode = options === undefined ? this.#mode : this.#mode | flagsOf(options);
    // | 0: Deno takes -0 for no integer
    const result = native.daxfile1_fill(this.#address + byteOffset, byteLength, value | 0, mode);
    this.#written("fill", byteOffset, byteLength, result);
  }

  /**
   * Stores 8 bytes at once, little-endian, durable on return: after a crash there is the old value or the new one, never a mixture. The way
   * to publish what was made durable before.
   *
   * @param byteOffset a multiple of 8
   * @param value an integer from −2^63 to 2^64 − 1 (two's complement); as a number exact to 2^53
   * @throws {RangeError} if the offset is misaligned or outside the file, or the value is no such integer
   * @throws {TypeError} if the value is neither number nor bigint, or the file is closed
   * @throws {DaxError} as {@linkcode DaxFile.persist}
   *
   * @example Publish a record
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.write(64, new TextEncoder().encode("first record"));
   * file.store64(0, 1); // from here on there is one record
   * ```
   */
  store64(byteOffset: number, value: bigint | number): void {
    if (!within(byteOffset, 8, this.#limit)) this.#checkWrite("store64", byteOffset, 8);
    if (byteOffset % 8 !== 0) throw new RangeError(`byteOffset ${byteOffset} is not a multiple of 8`);
    let low: number, high: number;
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) throw new RangeError(`value ${value} is not an integer within ±2^53`);
      low = value >>> 0;
      high = Math.floor(value / 0x1_0000_0000) >>> 0;
    } else {
      if (typeof value !== "bigint") {
        throw new TypeError(`value is a number or bigint, not ${describe(value)}`);
      }
      if (value < -0x8000_0000_0000_0000n || value > 0xffff_ffff_ffff_ffffn) {
        throw new RangeError(`value ${value} does not fit into 64 bits`);
      }
      low = Number(BigInt.asUintN(32, value));
      high = Number(BigInt.asUintN(32, value >> 32n));
    }
    const result = native.daxfile1_store64(this.#address + byteOffset, low, high, this.#mode);
    this.#written("store64", byteOffset, 8, result);
  }

  /**
   * Makes the whole file durable and leaves the event loop free meanwhile: on page granularity on another thread, else a piece at a time.
   * Stores made while it runs may or may not be covered.
   *
   * @throws {TypeError} if the file is closed, also while it runs
   * @throws {DaxError} as {@linkcode DaxFile.persist}
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.view(Uint8Array).fill(1);
   * await file.sync();
   * ```
   */
  async sync(): Promise<void> {
    this.#checkWrite("sync", 0, this.#size);
    const method = this.#mode & Mode.methodMask;
    if (method === Mode.msync) {
      // A descriptor of its own: close may come first, and its number would be somebody else's by then
      const file = native.daxfile1_duplicate(this.#mapping.file);
      if (file < 0) throw new DaxError({ operation: "sync", error: -file, path: this.path });
      const result = await library().runtime.sync(file, true).finally(() => closeFile(file));
      if (result !== 0) this.#writeBackFailed("sync", result);
    } else {
      const end = method === Mode.fence ? 0 : this.#size;
      let turn = performance.now();
      for (let done = 0; done < end; done += syncStepBytes) {
        this.#mustBeOpen("sync");
        native.daxfile1_flush(this.#address + done, Math.min(syncStepBytes, end - done), this.#mode);
        if (performance.now() - turn < syncTurnMs) continue;
        await new Promise((resolve) => setTimeout(resolve, 0));
        turn = performance.now();
      }
      this.drain();
    }
    this.#mustBeOpen("sync");
    this.#checkSurvivors("sync", 0, this.#size);
  }

  /**
   * Unmaps the file and lets go of its lock. Every view becomes empty: reads give undefined, stores go nowhere. Does not
   * write anything back. A second call does nothing.
   *
   * @throws {MappingFaultError} if a store was lost and no persist has said so (option `guard`); the file is closed all the same
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * const file = open("example.dax", { create: true, size: 4096 });
   * const bytes = file.view(Uint8Array);
   * file.close();
   * console.log(bytes.length); // 0
   * ```
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#limit = -1;
    this.#lastBuffer = null;
    const unreported = this.#guard?.close() ?? false;
    this.#mapping.close();
    if (unreported) throw this.#faultError("close");
  }

  /** {@linkcode DaxFile.close}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Where a call's range begins; NaN if the view is not of this file. */
  #start(first: ArrayBufferView | number | undefined): number {
    if (typeof first !== "object" || first === null) return first === undefined ? 0 : first;
    const buffer = first.buffer;
    if (buffer === this.#lastBuffer) return this.#lastStart + first.byteOffset;
    const start = this.#mapping.startOf(buffer);
    if (start === undefined) return NaN;
    this.#lastBuffer = buffer;
    this.#lastStart = start;
    return start + first.byteOffset;
  }

  #length(first: ArrayBufferView | number | undefined, second: number | undefined, start: number): number {
    if (typeof first === "object" && first !== null) return first.byteLength;
    return second === undefined && typeof start === "number" ? this.#size - start : second as number;
  }

  /** Where a source's bytes lie, if that is known without cost or worth asking. */
  #addressOf(source: ArrayBufferView): number | undefined {
    const start = this.#mapping.startOf(source.buffer);
    if (start !== undefined) return this.#address + start + source.byteOffset;
    return source.byteLength > stagingBytes ? library().runtime.addressOf(source) : undefined;
  }

  /** The long way of persist, flush and deepFlush: says what is wrong, or does it after all. */
  #writeBackClosely(
    operation: "persist" | "flush" | "deepFlush",
    mode: number,
    first: unknown,
    start: number,
    length: number,
  ): void {
    this.#mustBeOpen(operation);
    if (typeof first === "object" && first !== null) {
      if (Number.isNaN(start) || !ArrayBuffer.isView(first)) {
        throw new TypeError(
          `Cannot ${operation}: the view is not one of "${this.path}" (${describe(first)})`,
        );
      }
      if (length === 0 && (first.buffer as ArrayBuffer & { detached: boolean }).detached) {
        throw new TypeError(`Cannot ${operation}: the view of "${this.path}" is detached`);
      }
    }
    this.#checkWrite(operation, start, length);
    const call = operation === "flush" ? native.daxfile1_flush : native.daxfile1_persist;
    const result = call(this.#address + start, length, mode);
    if (result !== 0) this.#writeBackFailed(operation, result);
    this.#checkSurvivors(operation, start, length);
  }

  /** Everything that can be wrong before bytes are written or written back. */
  #checkWrite(operation: string, byteOffset: number, byteLength: number): void {
    this.#mustBeOpen(operation);
    if (this.readOnly) {
      const reason = "it is open to be read";
      throw new DaxError({
        operation,
        error: "EACCES",
        path: this.path,
        reason,
        hint: "Open it without readOnly",
      });
    }
    checkInteger("byteOffset", byteOffset);
    if (byteOffset < this.#size) checkInteger("byteLength", byteLength);
    this.#checkInside(byteOffset, byteLength);
  }

  #checkInside(byteOffset: number, byteLength: number, elements = byteLength): void {
    if (byteOffset >= this.#size) {
      throw new RangeError(
        `byteOffset ${byteOffset} is not inside "${this.path}", which has ${this.#size} bytes`,
      );
    }
    if (byteOffset + byteLength > this.#size) {
      const range = elements === byteLength
        ? `${byteLength} bytes`
        : `${elements} elements (${byteLength} bytes)`;
      throw new RangeError(
        `byteOffset ${byteOffset} and ${range} are not inside "${this.path}", which has ${this.#size} bytes`,
      );
    }
    if (byteLength === 0) {
      throw new RangeError(`A range of 0 bytes at byteOffset ${byteOffset}: there is nothing to do`);
    }
  }

  #mustBeOpen(operation: string): void {
    if (this.#closed) throw new TypeError(`Cannot ${operation}: "${this.path}" is closed`);
  }

  /** After write, fill and store64: an error, or a range that is good again after one. */
  #written(operation: string, byteOffset: number, byteLength: number, result: number): void {
    if (result !== 0) this.#writeBackFailed(operation, result);
    if (this.#limit >= 0) return;
    this.#rewritten?.add(byteOffset, byteOffset + byteLength);
    this.#checkSurvivors(operation, byteOffset, byteLength);
  }

  /** Refuses to call bytes durable that were lost before. */
  #checkSurvivors(operation: string, byteOffset: number, byteLength: number): void {
    if (this.#rewritten !== undefined && !this.#rewritten.covers(byteOffset, byteOffset + byteLength)) {
      throw new DaxError({
        operation,
        error: "EIO",
        path: this.path,
        reason: "the system failed to write this file back before, and does not say which bytes it lost",
        hint: "Write them again with write(), fill() or store64(), better into a file on another device",
      });
    }
    if (this.#guard?.faulted()) throw this.#faultError(operation);
  }

  #writeBackFailed(operation: string, result: number): never {
    this.#rewritten = new Rewritten();
    this.#limit = -1;
    throw new DaxError({
      operation,
      error: -result,
      path: this.path,
      hint: "Nothing in it is durable until it is written again: the device has failed or is full",
    });
  }

  #faultError(operation: string): MappingFaultError {
    return new MappingFaultError({
      operation,
      error: "EIO",
      path: this.path,
      reason: "memory behind the file could not be reached, and stores into it were lost",
      hint: "The file was truncated, the disk is full or the medium has a bad block: close it and look",
    });
  }
}

/** The members of {@linkcode DaxFile}: what a structure may ask for, so that a recorded region can be given in its place. */
export type Region = Pick<DaxFile, keyof DaxFile>;
