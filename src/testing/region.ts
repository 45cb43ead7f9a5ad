// What a structure under test is given: the interface of DaxFile, over memory that can lose power.
import type { Region, ViewConstructor, WriteOptions } from "../../mod.ts";
import { dataView } from "./dataview.ts";
import type { Memory } from "./memory.ts";
import type { Rules } from "./model.ts";
import * as primitives from "./primitives.ts";
import { checkByte, checkRange, checkWord } from "./ranges.ts";
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
    primitives.write(this.#memory, this.#rules, byteOffset, bytes, options);
  }

  fill(byteOffset: number, byteLength: number, value = 0, options: WriteOptions = {}): void {
    this.#mustBeOpen("fill");
    checkRange(byteOffset, byteLength, this.size);
    checkByte(value);
    primitives.write(this.#memory, this.#rules, byteOffset, new Uint8Array(byteLength).fill(value), options);
  }

  store64(byteOffset: number, value: bigint | number): void {
    this.#mustBeOpen("store64");
    checkWord(byteOffset, value, this.size);
    primitives.store64(this.#memory, this.#rules, byteOffset, value);
  }

  async sync(): Promise<void> {
    this.#mustBeOpen("sync");
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
      return range;
    }
    const byteOffset = first ?? 0, byteLength = second ?? this.size - byteOffset;
    checkRange(byteOffset, byteLength, this.size);
    return [byteOffset, byteLength];
  }

  #mustBeOpen(operation: string): void {
    if (this.#owner.closed) throw new TypeError(`Cannot ${operation}: "${this.path}" is closed`);
  }
}
