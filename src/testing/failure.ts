// One image that a recovery got wrong, and which stores had been lost in it.
import type { Shown } from "./expectation.ts";
import type { Operation } from "./options.ts";
import type { Entry, Layer } from "./pending.ts";
import type { StoreEvent, TraceEvent } from "./trace.ts";

/**
 * What went wrong.
 *
 * - `lost`: an acknowledged operation is not in the observed state.
 * - `torn`: the observed state is none that the operations could have left.
 * - `not-durable`: a crash after recovery changed what recovery had shown, or lost what was done since.
 * - `not-idempotent`: recovering twice gave something else than once.
 * - `further`: an operation after recovery did not do what the reference does.
 * - `threw`: recovery, the observation or an operation after recovery threw.
 * - `endless`: recovery, or an operation after it, touched the region more often than `steps`.
 */
export type FailureKind =
  | "lost"
  | "torn"
  | "not-durable"
  | "not-idempotent"
  | "further"
  | "threw"
  | "endless";

/** A crash: before which event of the trace, and what was chosen when its image was read. */
export interface PathStep {
  /** The number of the event. */
  readonly point: number;
  /** 0: survived; 1: lost; 2: of its store only a part survived. Before what is done further, 1: no restart first. */
  readonly choices: readonly number[];
  /** That event; absent at the end, and in what a token says. */
  readonly next?: TraceEvent | undefined;
}

/** Bytes that were stored and did not survive. */
export interface LostStore {
  /** The store. */
  readonly store: StoreEvent;
  /** 0: lost in the crash of the workload; 1: in a crash of the recovery from that; and so on. */
  readonly depth: number;
  /** First byte that was lost. */
  readonly byteOffset: number;
  /** Bytes from there to the last that was lost. */
  readonly byteLength: number;
  /** Whether another part of the same store survived. */
  readonly torn: boolean;
}

/** Everything that is known of a failure. */
export interface Failure {
  /** What went wrong. */
  readonly kind: FailureKind;
  /** The crashes, one within the other. */
  readonly path: readonly PathStep[];
  /** The operation that the latest crash cut off, or that failed after recovery. */
  readonly running: Operation | undefined;
  /** The operations that had returned, in order; those after recovery too. */
  readonly acknowledged: readonly Operation[];
  /** If a recovery came between: what it showed, and what the crash before it had cut off. */
  readonly shown: Shown<unknown> | undefined;
  /** Whether it went wrong in what is done after recovery, rather than in recovery or in a crash. */
  readonly wentOn: boolean;
  /** The operation after recovery that failed: it threw, did not end, or was the last before a wrong observation. */
  readonly further: Operation | undefined;
  /** States that would have been right. */
  readonly expected: readonly unknown[];
  /** What was observed instead. */
  readonly observed: unknown;
  /** What was thrown, if something was. */
  readonly error: unknown;
  /** The stores whose loss shows it. */
  readonly lost: readonly LostStore[];
}

/** The stores that the decisions made so far lose. What nobody looked at is not counted. */
export function lostStores(layers: readonly Layer[]): LostStore[] {
  const result: LostStore[] = [];
  layers.forEach((layer, depth) => {
    const byStore = new Map<StoreEvent, Entry[]>();
    for (const entries of layer.words.values()) {
      for (const entry of entries.filter(isLost)) {
        const others = byStore.get(entry.store);
        if (others) others.push(entry);
        else byStore.set(entry.store, [entry]);
      }
    }
    for (const [store, entries] of byStore) {
      const starts = entries.map((entry) => Math.max(entry.word * 8, store.byteOffset));
      const ends = entries.map((entry) =>
        Math.min(entry.word * 8 + 8, store.byteOffset + store.bytes.length)
      );
      const byteOffset = Math.min(...starts), byteLength = Math.max(...ends) - byteOffset;
      const lostBytes = ends.reduce((sum, end, i) => sum + end - starts[i]!, 0);
      result.push({ store, depth, byteOffset, byteLength, torn: lostBytes < store.bytes.length });
    }
  });
  return result;
}

function isLost(entry: Entry): boolean {
  const { unit, step, decision } = entry;
  if (step < 0) return decision === 2;
  const pieces = unit.steps[step]!;
  if (step !== unit.hi || pieces.length === 1) return step >= unit.hi;
  // A store that tore where all its other words survived has lost this one, asked or not.
  return decision === 2 || pieces.every((other) => (other === entry ? 0 : 1) === other.decision);
}
