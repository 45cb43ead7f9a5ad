/**
 * Mutants of structures: of whatever is written on a DaxFile with its own methods. Their flushes are known by the call in the source;
 * the region that the structure is given does something weaker there, and a crash test must notice.
 */

import type { Region } from "../../mod.ts";
import { closing, lineOf, maskTypeScript } from "./mask.ts";

/** A call in a structure's source. */
export interface RegionSite {
  readonly file: string;
  readonly line: number;
  readonly method: Method;
  /** Offsets of its parameters, without the brackets. */
  readonly start: number;
  readonly end: number;
}

type Range = readonly [start: number, length: number];

/** What a call does, as far as it can be weakened. */
interface Doing {
  /** What is flushed, or written; undefined for nothing. */
  readonly range?: Range | undefined;
  readonly flushes: boolean;
  readonly drains: boolean;
  readonly stores: boolean;
}

const lineBytes = 64;
const narrowings: Readonly<Record<string, (range: Range) => Range>> = {
  "narrow by 1 at the head": ([start, length]) => [start + 1, length - 1],
  "narrow by 1 at the tail": ([start, length]) => [start, length - 1],
  "narrow by 8 at the head": ([start, length]) => [start + 8, length - 8],
  "narrow by 8 at the tail": ([start, length]) => [start, length - 8],
  "narrow by a line at the head": ([start, length]) => [start + lineBytes, length - lineBytes],
  "narrow by a line at the tail": ([start, length]) => [start, length - lineBytes],
  "skip the last line": ([start, length]) => [start, length - ((start + length - 1) % lineBytes + 1)],
};
const moves: Readonly<Record<string, (range: Range) => Range>> = {
  ...narrowings,
  "misalign by 64": ([start, length]) => [start + lineBytes, length],
  "misalign by -64": ([start, length]) => [start - lineBytes, length],
};

const whole = { stores: false, flushes: true, drains: true };
const copies = { stores: true, flushes: true, drains: true };
const unfenced = { "without the fence": { drains: false } };
const unflushed = { "without the flush": { flushes: false } };
const left = { "drop": { stores: false, flushes: false, drains: false } };

/** Each method: what it does, and what else it could do. */
const methods = {
  persist: { does: whole, parts: { ...left, ...unfenced, ...unflushed }, ranges: moves },
  flush: { does: { ...whole, drains: false }, parts: left, ranges: moves },
  drain: { does: { ...whole, flushes: false }, parts: left, ranges: {} },
  write: { does: copies, parts: { ...left, ...unfenced, ...unflushed }, ranges: narrowings },
  fill: { does: copies, parts: { ...left, ...unfenced, ...unflushed }, ranges: narrowings },
  store64: { does: copies, parts: { ...left, ...unfenced, ...unflushed }, ranges: {} },
  deepFlush: { does: whole, parts: left, ranges: moves },
  sync: { does: whole, parts: left, ranges: {} },
} as const;

type Method = keyof typeof methods;

/** The calls in a structure's source that may write back. Those of a typed array's own `fill` turn out at run time. */
export function regionSites(file: string, source: string): RegionSite[] {
  const masked = maskTypeScript(source);
  const pattern = new RegExp(`\\.(${Object.keys(methods).join("|")})\\(`, "g");
  return Array.from(masked.matchAll(pattern), ({ 0: text, 1: method, index }) => {
    const start = index + text.length;
    return {
      file,
      line: lineOf(source, index),
      method: method as Method,
      start,
      end: closing(masked, start - 1) - 1,
    };
  });
}

/** The source in which each call says its number before it is made. */
export function marked(source: string, sites: readonly (RegionSite & { id: number })[]): string {
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

/** The names of a method's mutants. */
export function operatorsOf(method: Method): string[] {
  const { parts, ranges } = methods[method];
  return [...Object.keys(parts), ...Object.keys(ranges)];
}

declare global {
  /** Remembers which call comes next. */
  var daxfileMark: (id: number, ...parameters: unknown[]) => unknown[];
}

/** The regions that a structure is given, and what one of its calls does in them instead. */
export class Weakness {
  /** Calls that turned out to be a region's. */
  readonly reached = new Set<number>();
  /** Whether the mutant stored, flushed or fenced otherwise than the original at any call. */
  differs = false;
  #next = -1;
  readonly #active: { id: number; operator: string } | undefined;

  constructor(active?: { id: number; operator: string }) {
    this.#active = active;
    globalThis.daxfileMark = (id, ...parameters) => {
      this.#next = id;
      return parameters;
    };
  }

  /** The region in whose place a structure gets it. */
  region<R extends Region>(m: R): R {
    return new Proxy(m, {
      get: (_, key) => {
        const value = Reflect.get(m, key, m) as unknown;
        if (typeof value !== "function") return value;
        if (!Object.hasOwn(methods, key)) return value.bind(m);
        return (...parameters: unknown[]) => {
          const id = this.#next;
          this.#next = -1;
          if (id >= 0) this.reached.add(id);
          if (this.#active === undefined || id !== this.#active.id) return value.apply(m, parameters);
          return this.#weakened(m, key as Method, parameters, this.#active.operator);
        };
      },
    });
  }

  #weakened(m: Region, method: Method, parameters: unknown[], operator: string): unknown {
    const { does, parts, ranges } = methods[method];
    const before: Doing = { ...does, range: rangeOf(m, method, parameters) };
    const change = (ranges as Record<string, (range: Range) => Range>)[operator];
    const now: Doing = {
      ...before,
      ...(parts as Record<string, Partial<Doing>>)[operator],
      ...(change !== undefined && before.range !== undefined &&
        { range: kept(change(before.range), m.size) }),
    };
    if (effect(before) !== effect(now)) this.differs = true;
    if (now.stores && now.range !== undefined) store(m, method, parameters, before.range!, now.range);
    if (now.flushes && now.range !== undefined) m.flush(...now.range);
    if (now.drains) m.drain();
    return method === "sync" ? Promise.resolve() : undefined;
  }
}

/** A range without what lies outside of the region; undefined if nothing is left. */
function kept([start, length]: Range, size: number): Range | undefined {
  const first = Math.max(start, 0), end = Math.min(start + length, size);
  return first < end ? [first, end - first] : undefined;
}

/** What a call leaves on the medium, in words that are the same for the same lines. */
function effect({ range, flushes, drains, stores }: Doing): string {
  const lines = range && flushes
    ? [Math.floor(range[0] / lineBytes), Math.floor((range[0] + range[1] - 1) / lineBytes)]
    : [];
  return JSON.stringify([stores && range, lines, drains]);
}

function rangeOf(m: Region, method: Method, [first, second]: unknown[]): Range | undefined {
  if (method === "drain") return undefined;
  if (method === "sync") return [0, m.size];
  if (method === "store64") return [first as number, 8];
  if (method === "write") return [first as number, (second as ArrayBufferView).byteLength];
  if (typeof first === "object" && first !== null) {
    const { byteOffset, byteLength } = first as ArrayBufferView;
    return [byteOffset, byteLength];
  }
  const start = (first as number | undefined) ?? 0;
  return [start, (second as number | undefined) ?? m.size - start];
}

/** Stores what is left of it with ordinary stores, which are written back by what comes after, or not. */
function store(
  m: Region,
  method: Method,
  parameters: unknown[],
  [from]: Range,
  [start, length]: Range,
): void {
  if (method === "store64") {
    m.view(BigUint64Array, start, 1)[0] = BigInt.asUintN(64, BigInt(parameters[1] as number | bigint));
  } else if (method === "fill") {
    m.view(Uint8Array, start, length).fill((parameters[2] as number | undefined) ?? 0);
  } else {
    const { buffer, byteOffset } = parameters[1] as ArrayBufferView;
    m.view(Uint8Array, start, length).set(new Uint8Array(buffer, byteOffset + start - from, length));
  }
}
