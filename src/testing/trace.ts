// What a run did to the region, in order: the only thing that crashes are computed from.
import { equal } from "./equal.ts";

/**
 * How the words of a store may be ordered.
 *
 * - `ordered`: one store of the program; it follows the earlier stores to its line.
 * - `bulk`: a copy through the cache; its words come in any order, but after earlier and before later stores to the
 *   same line.
 * - `nontemporal`: in no order at all until a drain, which alone makes it durable.
 */
export type Order = "ordered" | "bulk" | "nontemporal";

/** Bytes stored into the region. */
export interface StoreEvent {
  /** A store. */
  readonly kind: "store";
  /** Where, from the start of the region. */
  readonly byteOffset: number;
  /** What. */
  readonly bytes: Uint8Array;
  /** How its words may be ordered. */
  readonly order: Order;
  /** True if it was found by comparing bytes: `stack` is then that of the flush, drain or store at which it was. */
  readonly isFound?: boolean | undefined;
  /** Where it was called from, if that was asked for. */
  readonly stack?: string | undefined;
}

/** A range whose lines (or pages) start to be written back, with their contents at this moment. */
export interface FlushEvent {
  /** A flush. */
  readonly kind: "flush";
  /** First byte, rounded down to a line or page. */
  readonly byteOffset: number;
  /** Bytes, rounded up to lines or pages. */
  readonly byteLength: number;
  /** If it is the beginning of a `sync`: its number. No drain but that sync's own makes this durable. */
  readonly sync?: number | undefined;
  /** Where it was called from, if that was asked for. */
  readonly stack?: string | undefined;
}

/** A fence: what was flushed, and every non-temporal store, is durable. */
export interface DrainEvent {
  /** A drain. */
  readonly kind: "drain";
  /** If it is the end of a `sync`: its number. It makes durable what was stored before that began, nothing else. */
  readonly sync?: number | undefined;
  /** Where it was called from, if that was asked for. */
  readonly stack?: string | undefined;
}

/** An operation of the workload began, by its number from 0. */
export interface BeginEvent {
  /** A beginning. */
  readonly kind: "begin";
  /** Its number. */
  readonly operation: number;
  /** Its name. */
  readonly name: string;
  /** Its argument. */
  readonly arg: unknown;
}

/** An operation returned (`acknowledge`) or threw (`fail`). */
export interface EndEvent {
  /** How it ended. */
  readonly kind: "acknowledge" | "fail";
  /** Its number. */
  readonly operation: number;
}

/** Recovery returned and this was observed: from now on a crash must not change it. */
export interface RecoveredEvent {
  /** A recovery. */
  readonly kind: "recovered";
  /** What was observed after it. */
  readonly observed: unknown;
}

/** The region was closed. */
export interface CloseEvent {
  /** A close. */
  readonly kind: "close";
}

/** One thing that happened. */
export type TraceEvent =
  | StoreEvent
  | FlushEvent
  | DrainEvent
  | BeginEvent
  | EndEvent
  | RecoveredEvent
  | CloseEvent;

/** One recorded run of a workload. */
export interface Trace {
  /** The durable bytes that it started from: what `setup` left. */
  readonly initial: Uint8Array;
  /** What was done, in order. */
  readonly events: readonly TraceEvent[];
  /** True if some stores were found by comparing bytes rather than seen one by one. */
  readonly approximate: boolean;
}

/** Where two traces part, in words, or undefined if they are the same. */
export function difference(a: Trace, b: Trace): string | undefined {
  if (!equal(a.initial, b.initial)) return "setup left different bytes";
  const length = Math.max(a.events.length, b.events.length);
  for (let i = 0; i < length; i++) {
    const left = a.events[i], right = b.events[i];
    if (left && right && equal(withoutStack(left), withoutStack(right))) continue;
    return `event ${i} was ${left ? describe(left) : "absent"}, then ${right ? describe(right) : "absent"}`;
  }
  return undefined;
}

/** One event in a few words. */
export function describe(event: TraceEvent): string {
  switch (event.kind) {
    case "store":
      return `a store of ${event.bytes.length} bytes at ${event.byteOffset} (${hex(event.bytes)})`;
    case "flush":
      return event.sync === undefined
        ? `a flush of ${event.byteLength} bytes at ${event.byteOffset}`
        : "the beginning of a sync";
    case "drain":
      return event.sync === undefined ? "a drain" : "the end of a sync";
    case "begin":
      return `the beginning of operation ${event.operation}, ${event.name}`;
    case "acknowledge":
    case "fail":
      return `the end of operation ${event.operation} (${event.kind})`;
    default:
      return `a ${event.kind}`;
  }
}

function hex(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > 16 ? `${shown} …` : shown;
}

function withoutStack(event: TraceEvent): TraceEvent {
  return "stack" in event ? { ...event, stack: undefined } : event;
}
