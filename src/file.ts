/**
 * An open persistent file: views of its bytes, and the ways to make them durable.
 *
 * @module
 */

import { library, type Native } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import {
  checkAligned,
  checkInteger,
  flagsOf,
  highWord,
  isViewClass,
  lowWord,
  type ViewConstructor,
  within,
  type WriteOptions,
} from "./arguments.ts";
import { Batch } from "./batch.ts";
import { deepFlushRegions } from "./deep_flush.ts";
import type { Decision, Durability, Granularity } from "./durability.ts";
import { Gate } from "./gate.ts";
import type { Guard } from "./guard.ts";
import { type Mapping, windowBytes } from "./mapping.ts";
import type { Medium } from "./medium.ts";
import { describe } from "./path.ts";
import { Records, stagingBytes } from "./records.ts";
import { syncFile } from "./sync.ts";
import { scratchStart } from "./system.ts";

/** What `open` found out and made. */
export interface Attachment {
  readonly path: string;
  readonly mapping: Mapping;
  readonly readOnly: boolean;
  readonly mapSync: boolean;
  /** Asked until it says yes: a file that is static stays so while it is open. */
  readonly isStatic: () => boolean;
  readonly decision: Decision;
  readonly medium: Medium;
  readonly guard: Guard | undefined;
}

/** Makes the handle of a mapped file; only for `open`. */
export let attach: (attachment: Attachment) => DaxFile;

/** Sources of more bytes are asked for each time, which is little beside the copy: a view that is remembered stays in memory. */
const rememberedBytes = 2 ** 20;

let native: Native;

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
  /** Whether the kernel mapped it with MAP_SYNC: its own metadata is durable before a page can be written. */
  readonly mapSync: boolean;

  readonly #askStatic: () => boolean;
  #isStatic = false;
  readonly #mapping: Mapping;
  readonly #address: number;
  readonly #size: number;
  readonly #mode: number;
  readonly #medium: Medium;
  readonly #gate: Gate;
  readonly #records: Records;

  static {
    attach = (attachment) => new DaxFile(attachment);
  }

  private constructor({ path, mapping, readOnly, mapSync, isStatic, decision, medium, guard }: Attachment) {
    native = library().native;
    this.path = path;
    this.readOnly = readOnly;
    this.mapSync = mapSync;
    this.#askStatic = isStatic;
    this.granularity = decision.granularity;
    this.durability = decision.durability;
    this.#mapping = mapping;
    this.#address = mapping.address;
    this.#size = mapping.byteLength;
    this.#mode = decision.mode;
    this.#medium = medium;
    this.#gate = new Gate(path, this.#size, readOnly, guard);
    this.#records = new Records(mapping, this.#mode, this.#gate);
  }

  /** Length of the mapped file in bytes; it does not change while it is open. */
  get size(): number {
    return this.#size;
  }

  /**
   * Whether its blocks cannot move while it is open. Where `static` was not asked for, the first look takes some 50 ms: the kernel's
   * list of symbols is read.
   */
  get isStatic(): boolean {
    if (!this.#isStatic && !this.closed) this.#isStatic = this.#askStatic();
    return this.#isStatic;
  }

  /** Whether {@linkcode DaxFile.close} was called. */
  get closed(): boolean {
    return this.#gate.closed;
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
    this.#gate.mustBeOpen("view");
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
    this.#gate.checkInside(byteOffset, byteLength, count);
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
    if (!within(start, length, this.#gate.limit)) {
      return this.#writeBackClosely("persist", this.#mode, first, start, length);
    }
    const result = native.daxfile1_persist(this.#address + start, length, this.#mode);
    if (result !== 0) this.#gate.failed("persist", result);
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
    if (!within(start, length, this.#gate.limit)) {
      return this.#writeBackClosely("flush", this.#mode, first, start, length);
    }
    const result = native.daxfile1_flush(this.#address + start, length, this.#mode);
    if (result !== 0) this.#gate.failed("flush", result);
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
    this.#gate.mustBeOpen("drain");
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
   * Copies bytes into the file and makes them durable, in one native call. Faster than storing and persisting where it covers whole
   * cache lines (of 64 bytes), and fastest from the same view again and again, whose place is then known.
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
    if (!within(byteOffset, byteLength, this.#gate.limit)) {
      this.#gate.checkWrite("write", byteOffset, byteLength);
    }
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
    // Its length again: until here the engine may not collect a source of which only the address crossed
    this.#gate.written("write", byteOffset, source.byteLength, result);
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
    if (!within(byteOffset, byteLength, this.#gate.limit)) {
      this.#gate.checkWrite("fill", byteOffset, byteLength);
    }
    checkInteger("value", value);
    if (value > 255) throw new RangeError(`value ${value} is not a byte: at most 255`);
    const mode = options === undefined ? this.#mode : this.#mode | flagsOf(options);
    // | 0: Deno takes -0 for no integer
    const result = native.daxfile1_fill(this.#address + byteOffset, byteLength, value | 0, mode);
    this.#gate.written("fill", byteOffset, byteLength, result);
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
    if (!within(byteOffset, 8, this.#gate.limit)) this.#gate.checkWrite("store64", byteOffset, 8);
    checkAligned(byteOffset);
    const low = lowWord(value), high = highWord(value);
    const result = native.daxfile1_store64(this.#address + byteOffset, low, high, this.#mode);
    this.#gate.written("store64", byteOffset, 8, result);
  }

  /**
   * The CRC-32C (Castagnoli, as iSCSI and ext4 have it) of bytes of the file. By the processor's own instruction where it has one:
   * some 10 GB/s and more.
   *
   * @param byteOffset first byte
   * @param byteLength number of bytes
   * @param seed the checksum of what comes before, to continue it; 0, the default, is the standard checksum
   * @returns an unsigned integer of 32 bits
   * @throws {RangeError} if the range is empty or not inside the file, or the seed is no integer of 32 bits
   * @throws {TypeError} if the file is closed
   * @throws {MappingFaultError} if bytes could not be read (option `guard`)
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.write(0, new TextEncoder().encode("123456789"));
   * console.log(file.checksum(0, 9).toString(16)); // e3069283
   * ```
   */
  checksum(byteOffset: number, byteLength: number, seed = 0): number {
    return this.#records.checksum(byteOffset, byteLength, seed);
  }

  /**
   * Writes a record that says itself whether it is whole, and makes it durable: one native call, one fence. After a crash
   * {@linkcode DaxFile.recordLength} finds it, or finds nothing; so no length or end has to be stored beside it.
   *
   * Little-endian: u32 bytes of payload, u32 CRC-32C, u32 low, u32 high, payload, zeros to a multiple of 8. The checksum, continued
   * from the seed, is that of low, high, the length and the payload, in this order. An empty payload with both words 0 may look like
   * no record at all.
   *
   * @param byteOffset a multiple of 8; it takes 16 bytes and those of the payload, rounded up to a multiple of 8
   * @param source the payload
   * @param low a word to tell this record from others, as a sequence number does; signed or not, like the other two
   * @param high another
   * @param seed what only readers who know it take for a record: a number that each file, or each generation, has its own of
   * @param options as for {@linkcode DaxFile.write}; by default past the caches at every size, as a record needs no cache line flushed then
   * @throws {RangeError} if the record does not fit into the file, the offset is misaligned, or a word is no integer of 32 bits
   * @throws {TypeError} if the source is no Uint8Array, or the file is closed
   * @throws {DaxError} as {@linkcode DaxFile.persist}
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.writeRecord(0, new TextEncoder().encode("first"), 1, 0, 0x5eed);
   * file.writeRecord(24, new TextEncoder().encode("second"), 2, 0, 0x5eed);
   * console.log(file.recordLength(24, file.size, 0x5eed)); // 6
   * ```
   */
  writeRecord(
    byteOffset: number,
    source: Uint8Array,
    low: number,
    high: number,
    seed: number,
    options?: WriteOptions,
  ): void {
    this.#records.write(byteOffset, source, low, high, seed, options);
  }

  /**
   * Looks for a record that {@linkcode DaxFile.writeRecord} wrote.
   *
   * @param byteOffset where it would begin, a multiple of 8; up to the size of the file
   * @param end what it must lie before, with its payload rounded up to a multiple of 8; up to the size of the file
   * @param seed what it was written with
   * @returns the bytes of its payload, which begins 16 bytes further on; −1 if no intact record is there. Sixteen zeros are none
   * @throws {RangeError} if the offset is misaligned, one of both is outside the file, or the seed is no integer of 32 bits
   * @throws {TypeError} if the file is closed
   * @throws {MappingFaultError} if bytes could not be read (option `guard`)
   *
   * @example Read one after another
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.writeRecord(0, new TextEncoder().encode("only one"), 1, 0, 7);
   * let at = 0;
   * for (let length; (length = file.recordLength(at, file.size, 7)) >= 0; at += 16 + Math.ceil(length / 8) * 8) {
   *   console.log(new TextDecoder().decode(file.view(Uint8Array, at + 16, length)));
   * }
   * ```
   */
  recordLength(byteOffset: number, end: number, seed: number): number {
    return this.#records.length(byteOffset, end, seed);
  }

  /**
   * An empty list of writes, for {@linkcode DaxFile.commit}. It belongs to no file.
   *
   * @param byteLength bytes that its entries may take: for each write 8, and its bytes rounded up to a multiple of 8
   * @throws {RangeError} if that is no integer, or less than 16
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * const batch = file.batch(256);
   * batch.write(2048, new Uint8Array([1, 2, 3]));
   * ```
   */
  batch(byteLength: number): Batch {
    return new Batch(byteLength);
  }

  /**
   * Several writes, all or nothing, in one native call and with one fence (on page granularity one msync from the first to the last
   * byte concerned): writes the batch as a record, starts to write back what an earlier batch changed, waits for both, and then
   * stores each write of the batch in its place.
   *
   * Those last stores are **not** durable when it returns: the record is, from which a reader after a crash makes them again
   * ({@linkcode Batch.entries}). They are durable once their batch was given to a later commit as `previous`, or their ranges were
   * persisted. So two records used in turn are enough; and what is written in other ways meanwhile needs {@linkcode DaxFile.defer}.
   *
   * @param byteOffset where the record goes, a multiple of 8; it takes 16 bytes and {@linkcode Batch.byteLength}
   * @param batch the writes; may be empty
   * @param low as for {@linkcode DaxFile.writeRecord}
   * @param high as there
   * @param seed as there
   * @param previous the batch of the commit before, to make its own writes durable
   * @throws {RangeError} if the record or a write of either batch is outside the file, the offset is misaligned, or a word is no
   *   integer of 32 bits; nothing was written then
   * @throws {TypeError} if one of both is no batch, or the file is closed
   * @throws {DaxError} as {@linkcode DaxFile.persist}; nothing was stored in place then
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 8192 });
   * const batch = file.batch(256);
   * batch.write(4096, new Uint8Array([1, 2, 3]));
   * batch.write(6144, new Uint8Array([4, 5, 6]));
   * file.commit(0, batch, 1, 0, 0x5eed);
   * const next = file.batch(256);
   * next.write(4096, new Uint8Array([7]));
   * file.commit(1024, next, 2, 0, 0x5eed, batch); // the first batch is durable in its places now
   * ```
   */
  commit(byteOffset: number, batch: Batch, low: number, high: number, seed: number, previous?: Batch): void {
    this.#records.commit(byteOffset, batch, low, high, seed, previous);
  }

  /**
   * Has a function called once, before anything else becomes durable through this file by whomever: {@linkcode DaxFile.persist},
   * `flush`, `write`, `fill`, `store64`, `deepFlush` and `sync`, but not `writeRecord` and `commit`. What a structure needs whose last
   * stores are durable only in its record: replayed after a crash, it would undo a later write to the same bytes.
   *
   * It is called after the checks of that call and before its work, and can use every method itself. If it throws, so does that call,
   * which has then done nothing, and it is called again before the next one. Costs nothing where nothing is deferred.
   *
   * @param settle what to call; undefined takes it back
   * @throws {TypeError} if it is no function, another one is deferred already, or the file is closed
   *
   * @example
   * ```ts
   * import { open } from "@daxfile/daxfile";
   *
   * using file = open("example.dax", { create: true, size: 4096 });
   * file.defer(() => console.log("settled first"));
   * file.store64(0, 1); // prints it
   * file.store64(0, 2);
   * ```
   */
  defer(settle: (() => void) | undefined): void {
    this.#gate.defer(settle);
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
    this.#gate.checkWrite("sync", 0, this.#size);
    await syncFile(native, this.#mapping, this.#mode, this.#gate);
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
    if (this.#gate.closed) return;
    const unreported = this.#gate.close();
    this.#mapping.close();
    if (unreported) throw this.#gate.faultError("close");
  }

  /** {@linkcode DaxFile.close}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Where a call's range begins; NaN if the view is not of this file. */
  #start(first: ArrayBufferView | number | undefined): number {
    if (typeof first !== "object" || first === null) return first === undefined ? 0 : first;
    return this.#mapping.startOfView(first);
  }

  #length(first: ArrayBufferView | number | undefined, second: number | undefined, start: number): number {
    if (typeof first === "object" && first !== null) return first.byteLength;
    return second === undefined && typeof start === "number" ? this.#size - start : second as number;
  }

  /** Where a source's bytes lie, if that is known without cost or worth asking. */
  #addressOf(source: ArrayBufferView): number | undefined {
    const { runtime } = library(), { byteLength } = source;
    // First, for to ask a view for its buffer takes some 12 ns in both engines, and keeps the next stores from starting
    const again = runtime.quickAddressOf(source, false);
    if (again !== undefined) return again;
    const start = this.#mapping.startOf(source.buffer);
    if (start !== undefined) return this.#address + start + source.byteOffset;
    const known = byteLength > rememberedBytes ? undefined : runtime.quickAddressOf(source);
    return known === undefined && byteLength > stagingBytes ? runtime.addressOf(source) : known;
  }

  /** The long way of persist, flush and deepFlush: says what is wrong, or does it after all. */
  #writeBackClosely(
    operation: "persist" | "flush" | "deepFlush",
    mode: number,
    first: unknown,
    start: number,
    length: number,
  ): void {
    this.#gate.mustBeOpen(operation);
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
    this.#gate.checkWrite(operation, start, length);
    const call = operation === "flush" ? native.daxfile1_flush : native.daxfile1_persist;
    const result = call(this.#address + start, length, mode);
    if (result !== 0) this.#gate.failed(operation, result);
    this.#gate.checkSurvivors(operation, start, length);
  }
}

/** The members of {@linkcode DaxFile}: what a structure may ask for, so that a recorded region can be given in its place. */
export type Region = Pick<DaxFile, keyof DaxFile>;
