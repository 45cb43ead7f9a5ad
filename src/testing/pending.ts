// Which stores may still be lost, and together with which: the persistency model at work. Built up event by event;
// what a crash makes of it is decided in memory.ts.
import type { Rules } from "./model.ts";
import type { StoreEvent } from "./trace.ts";

/** What one store left in one aligned 8-byte word: the piece that power failure cannot tear. */
export interface Entry {
  readonly word: number;
  /** Which of the word's bytes it holds, one bit each. */
  readonly mask: number;
  readonly store: StoreEvent;
  readonly unit: Unit;
  /** Its place in the order of its unit, or -1 if it has none (a non-temporal store). */
  readonly step: number;
  /** For a word of a torn step or of a non-temporal store: 0 undecided, 1 survived, 2 lost. */
  decision: 0 | 1 | 2;
}

/**
 * The stores among which there is an order: those to one line (or word, sector, file, as the model says).
 *
 * Each step is one store. The steps before `lo` survive for certain. A crash leaves the steps before some p with
 * `lo <= p <= hi`, and of step p, if it has several words, any of them but not all. Deciding moves `lo` and `hi`.
 */
export interface Unit {
  readonly index: number;
  readonly steps: Entry[][];
  readonly entries: Entry[];
  /** How many steps the latest flush found: what the next drain makes durable. */
  flushed: number;
  lo: number;
  hi: number;
}

/** The stores since some moment that are not certainly durable. */
export class Layer {
  /** The entries of each word, in the order of the program. */
  readonly words: Map<number, Entry[]> = new Map();
  readonly #rules: Rules;
  readonly #below: readonly Layer[];
  readonly #base: Uint8Array;
  readonly #units = new Map<number, Unit>();
  readonly #flushed = new Set<Unit>();
  /** By the number of a sync that has begun: what it will have made durable at its end. */
  readonly #syncs = new Map<number, { readonly steps: ReadonlyMap<Unit, number>; readonly loose: Entry[] }>();
  #loose: Entry[] = [];

  /**
   * @param base the bytes under every layer
   * @param below older layers, nearest the base first: the stores of before an earlier crash
   */
  constructor(rules: Rules, base: Uint8Array, below: readonly Layer[] = []) {
    this.#rules = rules;
    this.#base = base;
    this.#below = below;
  }

  /** Adds a store, split at 8-byte boundaries. */
  add(store: StoreEvent): void {
    const { byteOffset, bytes } = store;
    const end = byteOffset + bytes.length;
    const loose = store.order === "nontemporal" && this.#rules.nontemporal;
    let unit: Unit | undefined, step: Entry[] | undefined;
    for (let word = byteOffset >>> 3; word * 8 < end; word++) {
      const index = word >>> (this.#rules.unitShift - 3);
      if (unit?.index !== index) {
        unit = this.#unit(index);
        step = undefined;
      }
      const mask = maskOf(word, byteOffset, end);
      if (this.#isSilent(word, mask, store)) continue;
      if (!loose && (!step || this.#rules.tearing === "ascending")) {
        unit.steps.push(step = []);
        unit.hi = unit.steps.length;
      }
      const entry: Entry = { word, mask, store, unit, step: loose ? -1 : unit.steps.length - 1, decision: 0 };
      (loose ? this.#loose : step!).push(entry);
      unit.entries.push(entry);
      const others = this.words.get(word);
      if (others) others.push(entry);
      else this.words.set(word, [entry]);
    }
  }

  /** Remembers the contents of the units that a range touches. The caller has rounded it to what is flushed. */
  flush(byteOffset: number, byteLength: number): void {
    const shift = this.#rules.unitShift;
    const first = byteOffset >>> shift, last = (byteOffset + byteLength - 1) >>> shift;
    if (last - first < this.#units.size) {
      for (let index = first; index <= last; index++) this.#remember(this.#units.get(index));
    } else {
      for (const unit of this.#units.values()) {
        if (unit.index >= first && unit.index <= last) this.#remember(unit);
      }
    }
  }

  /**
   * Makes durable what was flushed, and every non-temporal store.
   *
   * @param into buffers that receive the bytes of units in which nothing is undecided any more, so that they leave
   * the layer; none if an older layer may lie beneath
   */
  drain(into: readonly Uint8Array[]): void {
    const touched = new Set(this.#flushed);
    if (this.#rules.drainCoversAll) {
      for (const unit of this.#units.values()) touched.add(this.#remember(unit)!);
    }
    for (const unit of touched) unit.lo = Math.max(unit.lo, unit.flushed);
    for (const entry of this.#loose) {
      entry.decision = 1;
      touched.add(entry.unit);
    }
    this.#flushed.clear();
    this.#loose = [];
    if (into.length > 0) { for (const unit of touched) this.#fold(unit, into); }
  }

  /** Begins a sync: remembers everything, of which no other drain knows. */
  beginSync(sync: number): void {
    const steps = new Map(Array.from(this.#units.values(), (unit) => [unit, unit.steps.length]));
    this.#syncs.set(sync, { steps, loose: [...this.#loose] });
  }

  /** Ends a sync: makes durable what it found, and nothing else. `into` as for `drain`. */
  endSync(sync: number, into: readonly Uint8Array[]): void {
    const begun = this.#syncs.get(sync);
    if (!begun) return; // mend.ts has ended it sooner
    const { steps, loose } = begun;
    this.#syncs.delete(sync);
    for (const [unit, count] of steps) unit.lo = Math.max(unit.lo, count);
    for (const entry of loose) entry.decision = 1;
    if (into.length > 0) { for (const unit of steps.keys()) this.#fold(unit, into); }
  }

  #unit(index: number): Unit {
    let unit = this.#units.get(index);
    if (!unit) this.#units.set(index, unit = { index, steps: [], entries: [], flushed: 0, lo: 0, hi: 0 });
    return unit;
  }

  #remember(unit: Unit | undefined): Unit | undefined {
    if (!unit) return undefined;
    unit.flushed = unit.steps.length;
    if (unit.flushed > unit.lo) this.#flushed.add(unit);
    return unit;
  }

  // A store of what is certainly there already changes no image: leaving it out halves the work of clearing memory.
  #isSilent(word: number, mask: number, { byteOffset, bytes }: StoreEvent): boolean {
    if (this.words.has(word) || this.#below.some((layer) => layer.words.has(word))) return false;
    const start = word * 8;
    for (let i = 0; i < 8; i++) {
      if (mask & (1 << i) && this.#base[start + i] !== bytes[start + i - byteOffset]) return false;
    }
    return true;
  }

  #fold(unit: Unit, into: readonly Uint8Array[]): void {
    // A sync may come to a unit that another drain has folded, or that still holds what it does not cover.
    if (this.#units.get(unit.index) !== unit || unit.lo < unit.steps.length) return;
    if (unit.entries.some(({ step, decision }) => step < 0 && decision === 0)) return;
    for (const entry of unit.entries) {
      for (const bytes of into) apply(entry, entry.mask, bytes);
      this.words.delete(entry.word);
    }
    this.#units.delete(unit.index);
  }
}

/** Which bytes are open in which words, for all layers: word, mask, word, mask. */
export function openWords(layers: readonly Layer[]): number[] {
  const open = new Map<number, number>();
  for (const layer of layers) {
    for (const [word, entries] of layer.words) {
      for (const entry of entries) open.set(word, (open.get(word) ?? 0) | entry.mask);
    }
  }
  return [...open].flat();
}

/** Copies the bytes of an entry that a mask names to where they belong. */
export function apply(entry: Entry, mask: number, into: Uint8Array): void {
  const start = entry.word * 8, from = start - entry.store.byteOffset;
  for (let i = 0; i < 8; i++) if (mask & (1 << i)) into[start + i] = entry.store.bytes[from + i]!;
}

/** Which bytes of a word lie in `[start, end)`, one bit each. */
export function maskOf(word: number, start: number, end: number): number {
  const low = Math.max(start - word * 8, 0), high = Math.min(end - word * 8, 8);
  return (0xff >> (8 - high)) & (0xff << low) & 0xff;
}
