/**
 * Mutants of structures: of whatever is written on a DaxFile with its own methods. A call in the source says its number before it is
 * made; what the recorded region then stores, flushes and drains for it is weakened, and a crash must show it.
 */

import type { Memory } from "../../src/testing/memory.ts";
import type { RecordedRegion } from "../../src/testing/region.ts";
import { closing, lineOf, maskTypeScript } from "./mask.ts";
import type { Transcript } from "./transcript.ts";

/** A call in a structure's source. */
export interface RegionSite {
  readonly file: string;
  readonly line: number;
  readonly method: string;
  /** Offsets of its parameters, without the brackets. */
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

type Range = readonly [start: number, end: number];

const lineBytes = 64, pageBytes = 4096;

type Order = "ordered" | "bulk" | "nontemporal";

/** Ways to weaken what a call does. `unit` is what one flush covers: a cache line or a page. */
interface Way {
  readonly drops?: "all" | "drains" | "strangers";
  /** What is still written back of a range of whole units. */
  readonly range?: (range: Range, unit: number) => Range;
}

const ways: Readonly<Record<string, Way>> = {
  "drop": { drops: "all" },
  "without the fence": { drops: "drains" },
  "without the flush": { range: ([start]) => [start, start] },
  "flush only what it stores": { drops: "strangers" },
  "skip the first line": { range: ([start, end], unit) => [start + unit, end] },
  "skip the last line": { range: ([start, end], unit) => [start, end - unit] },
  "misalign by a line": { range: ([start, end], unit) => [start + unit, end + unit] },
  "misalign by a line back": { range: ([start, end], unit) => [start - unit, end - unit] },
};

/** The names of the mutants of a call. */
export const operators: readonly string[] = Object.keys(ways);

/** The calls in a structure's source that may write back; those of another object's method of that name turn out when it runs. */
export function regionSites(
  file: string,
  source: string,
  methods: readonly string[],
): Omit<RegionSite, "id">[] {
  const masked = maskTypeScript(source);
  const pattern = new RegExp(`\\.(${methods.join("|")})\\(`, "g");
  return Array.from(masked.matchAll(pattern), ({ 0: text, 1: method, index }) => {
    const start = index + text.length;
    const end = closing(masked, start - 1) - 1;
    return { file, line: lineOf(source, index), method: method!, start, end };
  });
}

/** The source in which each call says its number before it is made. */
export function marked(source: string, sites: readonly RegionSite[]): string {
  const edits = sites.flatMap(({ id, start, end }) => [
    { at: end, text: ")" },
    { at: start, text: `...globalThis.daxfileMark(${id}, ` },
  ]);
  let out = source;
  for (const { at, text } of edits.toSorted((a, b) => b.at - a.at)) {
    out = out.slice(0, at) + text + out.slice(at);
  }
  return out;
}

declare global {
  /** Remembers which call comes next. */
  var daxfileMark: (id: number, ...parameters: unknown[]) => unknown[];
}

/** The accesses of a run went on and on. */
export class EndlessError extends Error {}

/** What the recorded regions of a copy do instead of what they are told. */
export class Weakness {
  /** Calls whose parameters were put together, and those of them that were a region's. */
  readonly passed = new Set<number>();
  readonly reached = new Set<number>();
  /** Accesses so far, and how many there may be. */
  steps = 0;
  limit = Infinity;
  transcript: Transcript | undefined;
  #active: { readonly id: number; readonly way: Way } | undefined;
  /** The call that is weakened now, with what it stored. */
  #inside: { readonly way: Way; readonly unit: number; readonly own: Range[] } | undefined;
  #next: { readonly id: number; readonly parameters: readonly unknown[] } | undefined;

  /** Takes hold of the classes of a copy. */
  constructor(memory: typeof Memory, region: typeof RecordedRegion, methods: readonly string[]) {
    this.listen();
    for (const method of methods) this.#takeCalls(region.prototype, method);
    this.#takeAccesses(memory.prototype);
  }

  /** Hears the calls of its copy from now on, and no other hears any. */
  listen(): void {
    globalThis.daxfileMark = (id, ...parameters) => {
      this.passed.add(id);
      this.#next = { id, parameters };
      return parameters;
    };
  }

  /** Whether the mutant did anything otherwise since then. */
  differs = false;

  /** Puts a mutant in place, or none. */
  become(mutant: { readonly id: number; readonly operator: string } | undefined): void {
    this.#active = mutant && { id: mutant.id, way: ways[mutant.operator]! };
    this.steps = 0;
    this.differs = false;
  }

  #takeCalls(region: RecordedRegion, method: string): void {
    const calls = region as unknown as Record<string, (...parameters: unknown[]) => unknown>;
    const original = calls[method]!, take = (parameters: readonly unknown[]) => this.#take(parameters);
    const within = <T>(unit: number, id: number, body: () => T) => this.#within(unit, id, body);
    calls[method] = function (this: RecordedRegion, ...parameters: unknown[]) {
      const unit = this.granularity === "page" ? pageBytes : lineBytes;
      return within(unit, take(parameters), () => original.apply(this, parameters));
    };
  }

  /** The number of the call that these parameters were put together for. */
  #take(parameters: readonly unknown[]): number {
    const next = this.#next;
    this.#next = undefined;
    const isIt = next?.parameters.length === parameters.length &&
      next.parameters.every((parameter, index) => parameter === parameters[index]);
    if (!isIt) return -1;
    this.reached.add(next.id);
    return next.id;
  }

  #within<T>(unit: number, id: number, body: () => T): T {
    // A call within one that is weakened, as of what was deferred, is another one
    const outer = this.#inside;
    const isIt = id >= 0 && id === this.#active?.id;
    this.#inside = isIt ? { way: this.#active!.way, unit, own: [] } : undefined;
    try {
      return body();
    } finally {
      this.#inside = outer;
    }
  }

  #takeAccesses(memory: Memory): void {
    const { begin, read, store, flush, drain, sync } = memory;
    const weakness = this as Weakness;
    memory.begin = function (...parameters) {
      weakness.transcript?.begin(this);
      begin.apply(this, parameters);
    };
    memory.read = function (...parameters) {
      weakness.#step();
      read.apply(this, parameters);
    };
    memory.store = function (byteOffset, source, order) {
      for (const [piece, how] of weakness.#pieces([byteOffset, byteOffset + source.length], order)) {
        const bytes = source.subarray(piece[0] - byteOffset, piece[1] - byteOffset);
        weakness.transcript?.store(this, piece[0], bytes, how);
        store.call(this, piece[0], bytes, how);
      }
    };
    memory.flush = function (byteOffset, byteLength) {
      const [start, end] = weakness.#range([byteOffset, byteOffset + byteLength]);
      const first = Math.max(start, 0), last = Math.min(end, this.byteLength);
      if (first >= last) return;
      weakness.transcript?.flush(this, first, last - first);
      flush.call(this, first, last - first);
    };
    memory.drain = function () {
      weakness.#step();
      const inside = weakness.#inside, drops = inside?.way.drops;
      // msync cannot be told not to wait
      if (drops === "all" || (drops === "drains" && inside?.unit !== pageBytes)) {
        weakness.differs = true;
        return;
      }
      weakness.transcript?.drain(this);
      drain.call(this);
    };
    memory.sync = function () {
      if (weakness.#inside?.way.drops !== "all") return sync.call(this);
      weakness.differs = true;
      return () => {};
    };
  }

  #step(): void {
    if (++this.steps > this.limit) throw new EndlessError(`${this.limit} accesses are not enough`);
  }

  /** A store past the caches is written back by itself: what is narrowed of it is an ordinary one. */
  #pieces(range: Range, order: Order): [Range, Order][] {
    this.#step();
    const inside = this.#inside;
    if (inside?.way.drops === "all") {
      this.differs = true;
      return [];
    }
    inside?.own.push(range);
    if (inside?.way.range === undefined || order !== "nontemporal") return [[range, order]];
    this.differs = true;
    const [start, end] = range, [first, last] = this.#range(outward(range, inside.unit));
    const from = Math.min(Math.max(first, start), end), to = Math.max(Math.min(last, end), from);
    const pieces: [Range, Order][] = [[[start, from], "bulk"], [[from, to], order], [
      [to, end],
      "bulk",
    ]];
    return pieces.filter(([[start, end]]) => start < end);
  }

  /** What is left of a flush. */
  #range(range: Range): Range {
    this.#step();
    if (this.#inside === undefined) return range;
    const { way, unit, own } = this.#inside;
    const isStranger = !own.some(([start, end]) => start < range[1] && end > range[0]);
    const isLeft = way.drops === "all" || (way.drops === "strangers" && own.length > 0 && isStranger);
    if (!isLeft && way.range === undefined) return range;
    this.differs = true;
    return isLeft ? [0, 0] : way.range!(outward(range, unit), unit);
  }
}

function outward([start, end]: Range, unit: number): Range {
  return [Math.floor(start / unit) * unit, Math.ceil(end / unit) * unit];
}
