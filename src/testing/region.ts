// What a structure under test is given: the interface of DaxFile, over memory that can lose power.
import { Batch, type Region, type ViewConstructor, type WriteOptions } from "../../mod.ts";
import { dataView } from "./dataview.ts";
import type { Memory } from "./memory.ts";
import type { Rules } from "./model.ts";
import * as primitives from "./primitives.ts";
import { checkAligned, checkByte, checkPlace, checkRange, checkWord, checkWord32 } from "./ranges.ts";
import * as records from "./records.ts";
import { bytesOf, isOn, rangeOf, viewOf, type ViewOwner } from "./views.ts";

const granularities = { px86: "cache-line", word: "cache-line", sector: "page", eadr: "byte" } as const;

/** A region that records what is done to it. Each program run, and each recovery, gets its own. */
export class RecordedRegion implements Region {
  readonly path = "(crash simulation)";
  readonly readOnly = false;
  readonly durability = "power-loss";
  readonly isStatic = false;
  readonly mapSync: boolean;
  readonly granularity: Region["granularity"];
  readonly #memory: Memory;
  readonly #rules: Rules;
  readonly #isPlain: boolean;
  readonly #owner: ViewOwner;
  #deferred: (() => void) | undefined;

  /** @param isPlain hand out real typed arrays, whose stores are found by comparing, instead of recorded ones */
  constructor(memory: Memory, rules: Rules, isPlain: boolean) {
    this.#memory = memory;
    this.#rules = rules;
    this.#isPlain = isPlain;
    this.#owner = { memory, closed: false };
    this.granularity = granularities[rules.model];
    this.mapSync = rules.model !== "sector";
  }

  get size(): number {
    return this.#memory.byteLength;
  }

  get closed(): boolean {
    return this.#owner.closed;
  }

  view<T extends ArrayBufferView>(type: ViewConstructor<T>, byteOffset = 0, length?: number): T {
    this.#mustBeOpen("view");
    const elementBytes = type.BYTES_PER_ELEMENT ?? 1;
    if (byteOffset % elementBytes !== 0) {
      throw new RangeError(
        `byteOffset ${byteOffset} is not a multiple of ${elementBytes}, the bytes of an element of ${type.name}`,
      );
    }
    const count = length ?? Math.floor((this.size - byteOffset) / elementBytes);
    checkRange(byteOffset, count * elementBytes, this.size);
    if (this.#isPlain) return new type(this.#memory.expose(), byteOffset, count);
    if ((type as unknown) === DataView) return dataView(this.#owner, byteOffset, count) as unknown as T;
    return viewOf(this.#owner, type, byteOffset, count);
  }

  persist(first?: ArrayBufferView | number, second?: number): void {
    const [byteOffset, byteLength] = this.#range("persist", first, second);
    primitives.persist(this.#memory, this.#rules, byteOffset, byteLength);
  }

  flush(first?: ArrayBufferView | number, second?: number): void {
    const [byteOffset, byteLength] = this.#range("flush", first, second);
    primitives.flush(this.#memory, this.#rules, byteOffset, byteLength);
  }

  drain(): void {
    this.#mustBeOpen("drain");
    primitives.drain(this.#memory, this.#rules);
  }

  deepFlush(first?: ArrayBufferView | number, second?: number): void {
    const [byteOffset, byteLength] = this.#range("deepFlush", first, second);
    primitives.deepFlush(this.#memory, this.#rules, byteOffset, byteLength);
  }

  write(byteOffset: number, source: ArrayBufferView, options: WriteOptions = {}): void {
    this.#mustBeOpen("write");
    const bytes = bytesOf(source);
    checkRange(byteOffset, bytes.length, this.size);
    this.#settle("write");
    primitives.write(this.#memory, this.#rules, byteOffset, bytes, options);
  }

  fill(byteOffset: number, byteLength: number, value = 0, options: WriteOptions = {}): void {
    this.#mustBeOpen("fill");
    checkRange(byteOffset, byteLength, this.size);
    checkByte(value);
    this.#settle("fill");
    primitives.write(this.#memory, this.#rules, byteOffset, new Uint8Array(byteLength).fill(value), options);
  }

  store64(byteOffset: number, value: bigint | number): void {
    this.#mustBeOpen("store64");
    checkWord(byteOffset, value, this.size);
    this.#settle("store64");
    primitives.store64(this.#memory, this.#rules, byteOffset, value);
  }

  checksum(byteOffset: number, byteLength: number, seed = 0): number {
    this.#mustBeOpen("checksum");
    checkRange(byteOffset, byteLength, this.size);
    checkWord32("seed", seed);
    return records.checksum(this.#memory, byteOffset, byteLength, seed);
  }

  writeRecord(
    byteOffset: number,
    source: Uint8Array,
    low: number,
    high: number,
    seed: number,
    options: WriteOptions = {},
  ): void {
    this.#mustBeOpen("writeRecord");
    const payload = bytesOf(source), words = { low, high, seed };
    checkRange(byteOffset, records.frameBytes(payload.length), this.size);
    records.checkWords(words, byteOffset);
    records.writeRecord(this.#memory, this.#rules, byteOffset, payload, words, options);
  }

  recordLength(byteOffset: number, end: number, seed: number): number {
    this.#mustBeOpen("recordLength");
    checkPlace("byteOffset", byteOffset, this.size);
    checkPlace("end", end, this.size);
    checkAligned(byteOffset);
    checkWord32("seed", seed);
    return records.recordLength(this.#memory, byteOffset, end, seed);
  }

  batch(byteLength: number): Batch {
    return new Batch(byteLength);
  }

  commit(byteOffset: number, batch: Batch, low: number, high: number, seed: number, previous?: Batch): void {
    this.#mustBeOpen("commit");
    const words = { low, high, seed };
    checkRange(byteOffset, records.frameBytes(batch.byteLength), this.size);
    records.checkWords(words, byteOffset);
    for (const { bytes } of previous === undefined ? [batch] : [batch, previous]) {
      for (const entry of Batch.entries(bytes)) checkRange(entry.byteOffset, entry.bytes.length, this.size);
    }
    records.commit(this.#memory, this.#rules, byteOffset, batch, words, previous);
  }

  defer(settle: (() => void) | undefined): void {
    this.#mustBeOpen("defer");
    if (settle !== undefined && this.#deferred !== undefined && settle !== this.#deferred) {
      throw new TypeError(`Cannot defer: another structure in "${this.path}" has deferred already`);
    }
    this.#deferred = settle;
  }

  async sync(): Promise<void> {
    this.#mustBeOpen("sync");
    this.#settle("sync");
    await primitives.sync(this.#memory);
    this.#mustBeOpen("sync");
  }

  close(): void {
    if (this.#owner.closed) return;
    this.#owner.closed = true;
    this.#memory.note({ kind: "close" });
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #range(
    operation: string,
    first: ArrayBufferView | number | undefined,
    second: number | undefined,
  ): [number, number] {
    this.#mustBeOpen(operation);
    if (typeof first === "object" && first !== null) {
      if (!isOn(first, this.#memory)) {
        throw new TypeError(`Cannot ${operation}: the view is not one of "${this.path}"`);
      }
      const range = rangeOf(first);
      checkRange(...range, this.size);
      this.#settle(operation);
      return range;
    }
    const byteOffset = first ?? 0, byteLength = second ?? this.size - byteOffset;
    checkRange(byteOffset, byteLength, this.size);
    this.#settle(operation);
    return [byteOffset, byteLength];
  }

  /** Calls what was deferred, once; if it throws, again before the next call. */
  #settle(operation: string): void {
    const settle = this.#deferred;
    if (settle === undefined) return;
    this.#deferred = undefined;
    let settled = false;
    try {
      settle();
      settled = true;
    } finally {
      if (!settled) this.#deferred = settle;
    }
    this.#mustBeOpen(operation);
  }

  #mustBeOpen(operation: string): void {
    if (this.#owner.closed) throw new TypeError(`Cannot ${operation}: "${this.path}" is closed`);
  }
}
