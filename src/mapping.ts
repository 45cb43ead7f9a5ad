/**
 * A file's bytes at an address, and the ArrayBuffers over them. The mapping lives as long as any buffer does, and no buffer is
 * ever left over memory that is not there.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { Map as MapFlag } from "../ffi/symbols.ts";
import type { Guard } from "./guard.ts";
import { closeFile, Lock } from "./system.ts";

/**
 * The most that one ArrayBuffer covers, in bytes. Beyond 2 GiB both engines leave their fast path for element access
 * (0.4 → 20 ns), and Bun has no buffer over 4 GiB.
 */
export const windowBytes: number = 2 ** 30;

/** Where windows begin: every half window, so that a view of up to half a window lies in a whole one wherever it begins. */
const strideBytes = windowBytes / 2;

/** 2 MiB and 1 GiB: what x86-64 and aarch64 (4 KiB pages) map with one entry. */
const hugeBytes = 2 ** 21, giantBytes = 2 ** 30;

/** What outlives a handle that was dropped without close: all that is needed to let go of the mapping. No buffers in here. */
interface Hold {
  readonly address: number;
  readonly byteLength: number;
  readonly file: number;
  readonly guard: Guard | undefined;
  /** The handle and the buffers that are still alive. */
  references: number;
}

/**
 * Lets go when the handle and every buffer were collected. A buffer's bytes may by then belong to another one: a program can
 * move them with transfer() where nobody sees it. So the file's pages are replaced by empty ones, and the addresses stay taken.
 */
const collected = new FinalizationRegistry<Hold>((hold) => {
  if (--hold.references > 0) return;
  hold.guard?.close();
  library().native.daxfile1_map_zero(hold.address, hold.byteLength);
  closeFile(hold.file);
});

/** A mapped file: its address, its descriptor and the buffers over it. */
export class Mapping {
  readonly address: number;
  readonly byteLength: number;
  /** A descriptor of the file, which also holds the lock. */
  readonly file: number;
  readonly #hold: Hold;
  readonly #starts = new Map<ArrayBuffer, number>();
  readonly #windows = new Map<string, ArrayBuffer>();
  /** The buffer that was asked for last, and where it begins. Null and not undefined: that is the `buffer` of an object that is no view. */
  #lastBuffer: ArrayBufferLike | null = null;
  #lastStart = 0;
  /** The view of it that was asked for last. */
  #lastView: ArrayBufferView | null = null;

  /** Takes over an address that {@linkcode mapFile} gave, and the descriptor; the guard, only where the handle is dropped. */
  constructor(address: number, byteLength: number, file: number, guard?: Guard) {
    this.address = address;
    this.byteLength = byteLength;
    this.file = file;
    this.#hold = { address, byteLength, file, guard, references: 1 };
    collected.register(this, this.#hold, this.#hold);
  }

  /** The buffer that covers a range of at most {@linkcode windowBytes}, and where in the file it begins, in bytes. */
  window(byteOffset: number, byteLength: number): { buffer: ArrayBuffer; start: number } {
    let start = Math.floor(byteOffset / strideBytes) * strideBytes;
    let length = Math.min(windowBytes, this.byteLength - start);
    if (byteOffset + byteLength > start + length) {
      // Wider than what is left of the usual window: one of its own, aligned for every element type
      start = Math.floor(byteOffset / 8) * 8;
      length = Math.min(windowBytes, this.byteLength - start);
      if (byteOffset + byteLength > start + length) [start, length] = [byteOffset, byteLength];
    }
    const key = `${start}+${length}`;
    let buffer = this.#windows.get(key);
    if (buffer === undefined || isDetached(buffer)) {
      buffer = library().runtime.buffer(this.address + start, length);
      this.#windows.set(key, buffer);
      this.#starts.set(buffer, start);
      this.#hold.references++;
      collected.register(buffer, this.#hold, this.#hold);
    }
    return { buffer, start };
  }

  /** Where in the file a buffer begins, in bytes; undefined if it is not one of this mapping's. */
  startOf(buffer: ArrayBufferLike): number | undefined {
    return this.#starts.get(buffer as ArrayBuffer);
  }

  /** Where in the file a view begins, in bytes; NaN if it is not one of this mapping's. */
  startOfView(view: ArrayBufferView): number {
    // A view is known by itself, for to ask it for its buffer takes some 12 ns in both engines
    if (view === this.#lastView) return this.#lastStart + view.byteOffset;
    const buffer = view.buffer;
    if (buffer !== this.#lastBuffer) {
      const start = this.startOf(buffer);
      if (start === undefined) return NaN;
      this.#lastBuffer = buffer;
      this.#lastStart = start;
    }
    // The buffer of a view stays the same, which that of another object need not
    this.#lastView = ArrayBuffer.isView(view) ? view : null;
    return this.#lastStart + view.byteOffset;
  }

  /** Detaches every buffer, unmaps, unlocks. */
  close(): void {
    const { native } = library();
    this.#lastBuffer = null;
    this.#lastView = null;
    collected.unregister(this.#hold);
    let moved = false;
    for (const buffer of this.#starts.keys()) {
      if (isDetached(buffer)) moved = true;
      else buffer.transfer(0);
    }
    // A buffer that the program moved away still sees these addresses: it must meet zeros, not a fault
    if (moved) native.daxfile1_map_zero(this.address, this.byteLength);
    else native.daxfile1_unmap(this.address, this.byteLength);
    // By hand, for a sync under way holds the same open file under another number
    native.daxfile1_lock(this.file, Lock.unlock);
    closeFile(this.file);
    this.#starts.clear();
    this.#windows.clear();
  }
}

/** How a file is mapped. */
export interface MapOptions {
  writable: boolean;
  sync?: boolean;
  /** Stores stay in this process. */
  private?: boolean;
}

/**
 * Maps a file from its first byte, at an address that lets the kernel use pages of 2 MiB, and of 1 GiB from 2 GiB on.
 *
 * @returns the address, or −errno
 */
export function mapFile(
  file: number,
  byteLength: number,
  { writable, sync, private: own }: MapOptions,
): number {
  const alignBytes = byteLength >= 2 * giantBytes ? giantBytes : hugeBytes;
  const flags = (writable ? MapFlag.writable : 0) | (sync ? MapFlag.sync : 0) | (own ? MapFlag.private : 0);
  return library().native.daxfile1_map(file, byteLength, alignBytes, flags);
}

/** Gives back what {@linkcode mapFile} gave. */
export function unmapFile(address: number, byteLength: number): void {
  library().native.daxfile1_unmap(address, byteLength);
}

function isDetached(buffer: ArrayBuffer): boolean {
  return (buffer as ArrayBuffer & { detached: boolean }).detached;
}
