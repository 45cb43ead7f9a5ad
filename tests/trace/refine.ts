/**
 * Epoch by epoch: what the library did is what the engine's recorded region says of the same workload.
 *
 * The region is written to be weaker where the library may choose: a copy past the caches flushes nothing, although the lines at its
 * ends go through the cache and are flushed. So at each fence the same bytes have been stored, and a byte that the region says is
 * durable is durable; one that is durable too early lies in a line (of an msync: a page) that the call was about.
 */

import type { Trace, TraceEvent } from "../../src/testing/trace.ts";
import { describe } from "./calls.ts";
import { lineBytes, type NativeEvent } from "./events.ts";

/** How the medium keeps bytes: `"byte"` at a fence, `"cache-line"` once flushed and fenced, `"page"` by msync. */
export type Granularity = "byte" | "cache-line" | "page";

/** What has happened to bytes: nothing since they were durable, a store, a store and the beginning of its write-back. */
const clean = 0, dirty = 1, pending = 2;

/** The bytes of a file between a store and the medium, by the rules of one granularity. */
class Bytes {
  readonly states: Uint8Array;
  /** One for each byte stored in this epoch. */
  readonly stored: Uint8Array;
  /** The range outside of which nothing has changed in this epoch. */
  start = Infinity;
  end = 0;
  readonly #granularity: Granularity;

  constructor(byteLength: number, granularity: Granularity) {
    this.states = new Uint8Array(byteLength);
    this.stored = new Uint8Array(byteLength);
    this.#granularity = granularity;
  }

  store(byteOffset: number, byteLength: number, isStream: boolean): void {
    if (byteOffset < 0) throw new Error(`A store at ${byteOffset}, before the file begins`);
    const loose = this.#granularity === "byte" || (isStream && this.#granularity === "cache-line");
    this.#touch(byteOffset, byteOffset + byteLength);
    this.states.fill(loose ? pending : dirty, byteOffset, byteOffset + byteLength);
    this.stored.fill(1, byteOffset, byteOffset + byteLength);
  }

  flush(byteOffset: number, byteLength: number): void {
    if (this.#granularity === "cache-line") this.#advance(byteOffset, byteLength, dirty, pending);
  }

  msync(byteOffset: number, byteLength: number): void {
    this.#advance(byteOffset, byteLength, dirty, clean);
    this.#advance(byteOffset, byteLength, pending, clean);
  }

  fence(): void {
    if (this.#granularity !== "page") this.#advance(this.start, this.end - this.start, pending, clean);
  }

  /** Begins an epoch. What is on its way without a fence is as much a part of the next one. */
  begin(): void {
    this.stored.fill(0, Math.min(this.start, this.end), this.end);
    const first = this.states.indexOf(pending);
    [this.start, this.end] = first < 0 ? [Infinity, 0] : [first, this.states.lastIndexOf(pending) + 1];
  }

  #touch(start: number, end: number): void {
    this.start = Math.min(this.start, start);
    this.end = Math.max(this.end, end);
  }

  #advance(byteOffset: number, byteLength: number, from: number, to: number): void {
    const start = Math.max(byteOffset, 0), end = Math.min(byteOffset + byteLength, this.states.length);
    if (start < end) this.#touch(start, end);
    for (let i = start; i < end; i++) if (this.states[i] === from) this.states[i] = to;
  }
}

/** The first epoch in which the two part, in words; undefined if there is none. */
export function parting(
  native: readonly NativeEvent[],
  recorded: Trace,
  granularity: Granularity,
): string | undefined {
  const byteLength = recorded.initial.length;
  const theirs = new Bytes(byteLength, granularity), ours = new Bytes(byteLength, granularity);
  /** Bytes that may be durable too early. */
  const excused = new Uint8Array(byteLength);
  const left = epochs(native, isNativeFence), right = epochs(recorded.events, isRecordedFence);
  for (let epoch = 0; epoch < Math.max(left.length, right.length); epoch++) {
    const mine = left[epoch], other = right[epoch];
    if (mine === undefined || other === undefined) {
      return `the library has ${left.length - 1} fences, and the region ${right.length - 1}`;
    }
    for (const store of [...mine, ...other].filter(isStore)) {
      excused.fill(0, store.byteOffset, store.byteOffset + lengthOf(store));
    }
    for (const event of mine) nativeStep(theirs, event, excused);
    for (const event of other) recordedStep(ours, event, granularity, excused);
    const wrong = apart(theirs, ours, excused);
    if (wrong !== undefined) {
      return `epoch ${epoch}: ${wrong}\n  the library: ${mine.map(describe).join("; ")}\n  the region: ${
        other.map(inWords).join("; ")
      }`;
    }
    theirs.begin();
    ours.begin();
  }
  return undefined;
}

function apart(theirs: Bytes, ours: Bytes, excused: Uint8Array): string | undefined {
  const end = Math.max(theirs.end, ours.end);
  for (let i = Math.min(theirs.start, ours.start); i < end; i++) {
    const has = theirs.states[i]!, wanted = ours.states[i]!;
    if (theirs.stored[i] !== ours.stored[i]) {
      return `byte ${i} was ${theirs.stored[i] ? "" : "not "}stored by the library`;
    }
    if (has === wanted || (excused[i] && rank(has) > rank(wanted))) continue;
    const names = ["durable", "in the cache", "on its way"];
    return `byte ${i} is ${names[has]}, and must be ${names[wanted]}`;
  }
  return undefined;
}

const rank = (state: number) => [2, 0, 1][state]!;

function nativeStep(bytes: Bytes, event: NativeEvent, excused: Uint8Array): void {
  switch (event.kind) {
    case "store":
    case "stream":
    case "changed":
    case "unexplained":
      return bytes.store(event.byteOffset, event.byteLength, event.kind === "stream");
    case "flush":
      return bytes.flush(event.byteOffset, event.byteLength);
    case "msync":
      excused.fill(1, Math.max(event.byteOffset, 0), event.byteOffset + event.byteLength);
      return bytes.msync(event.byteOffset, event.byteLength);
    case "fence":
      return bytes.fence();
  }
}

function recordedStep(bytes: Bytes, event: TraceEvent, granularity: Granularity, excused: Uint8Array): void {
  switch (event.kind) {
    case "store": {
      const isLoose = event.order === "nontemporal";
      const start = Math.floor(event.byteOffset / lineBytes) * lineBytes;
      const end = Math.ceil((event.byteOffset + event.bytes.length) / lineBytes) * lineBytes;
      if (isLoose && granularity === "cache-line") excused.fill(1, start, end);
      return bytes.store(event.byteOffset, event.bytes.length, isLoose);
    }
    case "flush":
      return granularity === "page"
        ? bytes.msync(event.byteOffset, event.byteLength)
        : bytes.flush(event.byteOffset, event.byteLength);
    case "drain":
      return bytes.fence();
  }
}

/** The events up to each fence, which is the last of its epoch. */
function epochs<Event>(events: readonly Event[], isFence: (event: Event) => boolean): Event[][] {
  const out: Event[][] = [[]];
  for (const event of events) {
    out.at(-1)!.push(event);
    if (isFence(event)) out.push([]);
  }
  return out;
}

const isNativeFence = ({ kind }: NativeEvent) => kind === "fence" || kind === "msync";
const isRecordedFence = ({ kind }: TraceEvent) => kind === "drain";

type Store = { byteOffset: number } & ({ byteLength: number } | { bytes: Uint8Array });

function isStore(event: NativeEvent | TraceEvent): event is Extract<NativeEvent | TraceEvent, Store> {
  return ["store", "stream", "changed", "unexplained"].includes(event.kind);
}

function lengthOf(store: Store): number {
  return "bytes" in store ? store.bytes.length : store.byteLength;
}

function inWords(event: TraceEvent): string {
  switch (event.kind) {
    case "store":
      return `${event.order} store ${event.byteOffset}+${event.bytes.length}`;
    case "flush":
      return `flush ${event.byteOffset}+${event.byteLength}`;
    default:
      return event.kind;
  }
}
