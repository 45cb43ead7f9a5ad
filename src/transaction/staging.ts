/**
 * What a transaction wants to write: bytes by cache line, in memory of its own, so that a later write to the same bytes takes the
 * place of an earlier one and a read finds what was staged without going through everything. Knows nothing of files.
 *
 * @module
 */

import type { Batch } from "../../mod.ts";
import type { Ranges } from "./ranges.ts";

/** Bytes of a line: what one hash entry stands for. */
export const lineBytes = 64;

/** Lines that there is room for once something is staged, and those that a transaction which needed more leaves at most. */
const initialLines = 16, keptLines = 256;

/** What a pool has that stages nothing: room for scratch only. */
const emptyBytes = new Uint8Array(lineBytes), emptyView = new DataView(emptyBytes.buffer);
const emptyWords = new Int32Array(1);

/** What a batch's entry is cut into, and the bytes that say where it goes. */
const pieceBytes = 65528, entryBytes = 8;

/** Where one value may be put together: the first line is nobody's. */
export const scratchAt = 0;

/** The bytes that are staged. Offsets are from the start of the data area, and were checked. */
export class Staging {
  /** The lines one after another; the first is scratch. */
  view = emptyView;
  bytes = emptyBytes;
  /** Which bytes of a line are staged: a bit each, two words a line. */
  #masks = emptyWords;
  /** The number of each line: its offset divided by 64. Of 32 bits where that is enough, so that offsets stay whole numbers for the engine. */
  #lines: Int32Array | Float64Array = emptyWords;
  readonly #Lines: Int32ArrayConstructor | Float64ArrayConstructor;
  /** Open addressing: which slot of the arrays above holds a line, 0 for none. At most half full. */
  #table = emptyWords;
  /** Where in the table each slot is named, so that emptying it costs no more than filling it did. */
  #places = emptyWords;
  #shift = 0;
  #count = 0;
  /** The line that was asked for last and where it begins: a record's fields are next to each other. */
  #lastLine = -1;
  #lastStart = -lineBytes;
  #lastSlot = 0;
  /**
   * Most transactions write one stretch of bytes, from the lower end to the upper. As long as that is so, this is where it is, and
   * encoding need not look at the masks; −1 once it is not.
   */
  #start = 0;
  #stop = 0;
  /** The stretch of staged bytes that is being encoded: where it lies here, where it goes, and how long it is. */
  #at = 0;
  #offset = 0;
  #length = 0;
  /** And where the search for the next one goes on. */
  #slot = 0;
  #from = 0;

  /** @param byteLength of the data area */
  constructor(byteLength: number) {
    this.#Lines = byteLength <= 2 ** 31 * lineBytes ? Int32Array : Float64Array;
  }

  /** Whether nothing is staged. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  #make(lines: number): void {
    const buffer = new ArrayBuffer((lines + 1) * lineBytes);
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
    this.#masks = new Int32Array((lines + 1) * 2);
    this.#lines = new this.#Lines(lines + 1);
    this.#places = new Int32Array(lines + 1);
    this.#table = new Int32Array(lines * 2);
    this.#shift = 32 - Math.log2(lines * 2);
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#lines.length > keptLines + 1) this.#make(keptLines);
    else for (let slot = 1; slot <= this.#count; slot++) this.#table[this.#places[slot]!] = 0;
    this.#count = 0;
    this.#lastLine = -1;
    this.#lastStart = -lineBytes;
    this.#start = this.#stop = 0;
  }

  /** The slot of a line, or 0. */
  #find(line: number): number {
    if (line === this.#lastLine) return this.#lastSlot;
    if (this.#count === 0) return 0;
    const mask = this.#table.length - 1;
    let place = Math.imul(line | 0, 0x9e37_79b1) >>> this.#shift;
    for (let slot; (slot = this.#table[place]!) !== 0; place = (place + 1) & mask) {
      if (this.#lines[slot] !== line) continue;
      return this.#remember(line, slot);
    }
    return 0;
  }

  #findOrAdd(line: number): number {
    if (line === this.#lastLine) return this.#lastSlot;
    if (this.#count + 1 === this.#lines.length) this.#grow();
    const table = this.#table, lines = this.#lines, mask = table.length - 1;
    let place = Math.imul(line | 0, 0x9e37_79b1) >>> this.#shift;
    for (let slot; (slot = table[place]!) !== 0; place = (place + 1) & mask) {
      if (lines[slot] === line) return this.#remember(line, slot);
    }
    const slot = ++this.#count;
    table[place] = slot;
    this.#places[slot] = place;
    lines[slot] = line;
    this.#masks[slot * 2] = 0;
    this.#masks[slot * 2 + 1] = 0;
    return this.#remember(line, slot);
  }

  #remember(line: number, slot: number): number {
    this.#lastLine = line;
    this.#lastStart = line * lineBytes;
    return this.#lastSlot = slot;
  }

  #grow(): void {
    const { bytes } = this, masks = this.#masks, lines = this.#lines;
    this.#make(Math.max((lines.length - 1) * 2, initialLines));
    this.bytes.set(bytes);
    this.#masks.set(masks);
    this.#lines.set(lines);
    const table = this.#table, mask = table.length - 1;
    for (let slot = 1; slot <= this.#count; slot++) {
      let place = Math.imul(lines[slot]! | 0, 0x9e37_79b1) >>> this.#shift;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = slot;
      this.#places[slot] = place;
    }
  }

  /**
   * Stages a value of 1 to 8 bytes and says where in {@linkcode Staging.view} to put it: at {@linkcode scratchAt} if it is in two lines,
   * and then {@linkcode Staging.scatter} must be told.
   */
  reserve(byteOffset: number, byteLength: number): number {
    // The line of the value before, without a division; and in whole numbers of 32 bits, which shifts need not convert
    const from = byteOffset - this.#lastStart;
    let within: number;
    if (from >= 0 && from + byteLength <= lineBytes) within = from | 0;
    else {
      within = (byteOffset % lineBytes) | 0;
      if (within + byteLength > lineBytes) return scratchAt;
      this.#findOrAdd((byteOffset - within) / lineBytes);
    }
    if (byteOffset === this.#stop) this.#stop += byteLength;
    else this.#extend(byteOffset, byteLength);
    const slot = this.#lastSlot, masks = this.#masks, end = within + byteLength;
    if (end <= 32) masks[slot * 2]! |= ones(byteLength) << within;
    else if (within >= 32) masks[slot * 2 + 1]! |= ones(byteLength) << within;
    else this.#mark(slot, within, byteLength);
    return slot * lineBytes + within;
  }

  #extend(byteOffset: number, byteLength: number): void {
    if (this.#start < 0) return;
    const end = byteOffset + byteLength;
    if (this.#stop === this.#start) this.#start = byteOffset;
    else if (byteOffset >= this.#start && end <= this.#stop) return;
    else if (byteOffset !== this.#stop) this.#start = -1;
    this.#stop = this.#start < 0 ? -1 : end;
  }

  /** Stages a value that is in two lines. */
  scatter(byteOffset: number, byteLength: number): void {
    this.write(byteOffset, this.bytes.slice(scratchAt, scratchAt + byteLength));
  }

  #mark(slot: number, start: number, byteLength: number): void {
    const masks = this.#masks, end = start + byteLength;
    if (start < 32) masks[slot * 2]! |= ones(Math.min(end, 32) - start) << start;
    if (end > 32) {
      const from = Math.max(start - 32, 0);
      masks[slot * 2 + 1]! |= ones(end - 32 - from) << from;
    }
  }

  /** Stages bytes. */
  write(byteOffset: number, source: Uint8Array): void {
    const end = byteOffset + source.length;
    this.#extend(byteOffset, source.length);
    const firstLine = Math.floor(byteOffset / lineBytes), lastLine = Math.floor((end - 1) / lineBytes);
    for (let line = firstLine; line <= lastLine; line++) {
      const from = line === firstLine ? byteOffset % lineBytes : 0;
      const to = Math.min(lineBytes, end - line * lineBytes);
      const slot = this.#findOrAdd(line), start = line * lineBytes + from - byteOffset;
      const at = slot * lineBytes + from, count = to - from;
      for (let i = 0; i < count; i++) this.bytes[at + i] = source[start + i]!;
      this.#mark(slot, from, count);
    }
  }

  /**
   * Where a value of 1 to 8 bytes is to be read: in {@linkcode Staging.view}, or −1 if nothing of it is staged and the file has it, or
   * −2 if it is in several pieces.
   */
  locate(byteOffset: number, byteLength: number): number {
    if (this.#count === 0) return -1;
    const within = byteOffset % lineBytes;
    if (within + byteLength > lineBytes) return -2;
    const slot = this.#find((byteOffset - within) / lineBytes);
    if (slot === 0) return -1;
    let staged = 0;
    for (let i = within; i < within + byteLength; i++) if (this.#isStaged(slot, i)) staged++;
    return staged === byteLength ? slot * lineBytes + within : staged === 0 ? -1 : -2;
  }

  #isStaged(slot: number, at: number): boolean {
    return (this.#masks[slot * 2 + (at >>> 5)]! >>> (at & 31) & 1) === 1;
  }

  /** Puts what is staged of a range over what the file has of it. */
  overlay(byteOffset: number, into: Uint8Array): void {
    const end = byteOffset + into.length;
    const firstLine = Math.floor(byteOffset / lineBytes), lastLine = Math.floor((end - 1) / lineBytes);
    // Whichever are fewer: the lines of the range, or those that are staged
    if (lastLine - firstLine < this.#count) {
      for (let line = firstLine; line <= lastLine; line++) {
        const slot = this.#find(line);
        if (slot !== 0) this.#overlayLine(slot, line, byteOffset, into);
      }
    } else {
      for (let slot = 1; slot <= this.#count; slot++) {
        const line = this.#lines[slot]!;
        if (line >= firstLine && line <= lastLine) this.#overlayLine(slot, line, byteOffset, into);
      }
    }
  }

  #overlayLine(slot: number, line: number, byteOffset: number, into: Uint8Array): void {
    const start = Math.max(0, byteOffset - line * lineBytes);
    const end = Math.min(lineBytes, byteOffset + into.length - line * lineBytes);
    for (let i = start; i < end; i++) {
      if (this.#isStaged(slot, i)) {
        into[line * lineBytes + i - byteOffset] = this.bytes[slot * lineBytes + i]!;
      }
    }
  }

  /**
   * Adds everything to an empty batch, bytes next to each other as one write.
   *
   * @param base is added to every offset
   * @param ranges are told the same
   * @returns whether there was room; if not, the batch and the ranges hold a part
   */
  encode(batch: Batch, base: number, ranges: Ranges | undefined): boolean {
    const { capacity } = batch;
    for (let more = this.#begin(); more; more = this.#next()) {
      const length = this.#length, byteOffset = base + this.#offset;
      if (encodedBytes(length) > capacity - batch.byteLength) return false;
      batch.write(byteOffset, this.bytes, this.#at, this.#at + length);
      if (ranges !== undefined) ranges.add(byteOffset, length);
    }
    return true;
  }

  /** The bytes of a batch that {@linkcode Staging.encode} needs. */
  encodedBytes(): number {
    let total = 0;
    for (let more = this.#begin(); more; more = this.#next()) total += encodedBytes(this.#length);
    return total;
  }

  /** The first stretch of staged bytes. */
  #begin(): boolean {
    if (this.#start >= 0 && this.#count > 0) {
      // Its lines were touched one after another, so they lie one after another
      this.#slot = this.#count + 1;
      this.#at = lineBytes + this.#start % lineBytes;
      this.#offset = this.#start;
      this.#length = this.#stop - this.#start;
      return true;
    }
    this.#slot = 1;
    this.#from = 0;
    return this.#next();
  }

  /** The next one: as long as the order allows in which lines were first touched. */
  #next(): boolean {
    this.#length = 0;
    for (; this.#slot <= this.#count; this.#slot++, this.#from = 0) {
      const slot = this.#slot, low = this.#masks[slot * 2]!, high = this.#masks[slot * 2 + 1]!;
      const line = this.#lines[slot]! * lineBytes;
      for (let start; (start = firstOne(low, high, this.#from)) < lineBytes;) {
        const end = firstOne(~low, ~high, start), at = slot * lineBytes + start;
        if (this.#length === 0) {
          this.#at = at;
          this.#offset = line + start;
        } else if (at !== this.#at + this.#length || line + start !== this.#offset + this.#length) {
          return true;
        }
        this.#length += end - start;
        this.#from = end;
      }
    }
    return this.#length > 0;
  }
}

/** What a write takes in a batch. */
function encodedBytes(byteLength: number): number {
  if (byteLength <= pieceBytes) return entryBytes + ((byteLength + 7) & ~7);
  return Math.ceil(byteLength / pieceBytes) * entryBytes + Math.ceil(byteLength / 8) * 8;
}

/** So many ones, 0 to 32, from the lowest bit. */
function ones(count: number): number {
  return count === 32 ? -1 : (1 << count) - 1;
}

/** The lowest bit from a place on that is set in 64; 64 if none is. */
function firstOne(low: number, high: number, from: number): number {
  if (from < 32) {
    const rest = low >>> from;
    if (rest !== 0) return from + trailingZeros(rest);
    from = 32;
  }
  if (from === 64) return 64;
  const rest = high >>> (from - 32);
  return rest === 0 ? 64 : from + trailingZeros(rest);
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
