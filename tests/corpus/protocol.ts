// What a program of the corpus says of itself: the structure, what it means, under which models it is right, and the
// bugs that can be planted in it, each with the verdict it deserves. Written from the models, not from the engine.
import type {
  CrashOptions,
  Domain,
  FailureKind,
  Model,
  Operation,
  Region,
  Tester,
} from "../../src/testing/mod.ts";

/** The kinds of mistakes, in the words of those who make them. */
export const KINDS = [
  "flush dropped",
  "flush narrowed",
  "second line not flushed",
  "wrong line flushed",
  "flush before the store",
  "drain dropped",
  "commit hoisted",
  "commit before the drain",
  "non-temporal write not drained",
  "acknowledged before the drain",
  "torn commit",
  "unaligned commit",
  "checksum misses a field",
  "stale generation accepted",
  "half a record left behind",
  "recovery not repeatable",
  "recovery forgets a flush",
  "recovery in the wrong order",
  "endless recovery",
  "reader past or short of the tail",
  "reader in the wrong order",
  "reused too early",
  "wrap-around",
] as const;

/** One of them. */
export type Kind = typeof KINDS[number];

/** Every model. */
export const EVERY: readonly Model[] = ["px86", "word", "sector", "eadr"];
/** Where a flush that is missing loses something, though it is drained. */
export const FLUSHES: readonly Model[] = ["px86", "word", "sector"];
/** Where a drain that is missing loses something, though it is flushed. */
export const DRAINS: readonly Model[] = ["px86", "word", "eadr"];
/** Where one line is flushed and its neighbour is not: a page is flushed whole. */
export const LINES: readonly Model[] = ["px86", "word"];

/** What a wrong program does, and how it must be told. */
export interface Planted {
  readonly kind: Kind;
  /** Where it does harm, of those in which the program is right without it. In the others it must not be reported. */
  readonly models: readonly Model[];
  readonly fails: FailureKind | readonly FailureKind[];
  /** The lines that the failure must name, no others; of the first of the models. */
  readonly loses: readonly number[];
  /** Whether it shows only once the structure is used after recovery. */
  readonly later?: true;
}

/** A structure over a region: its operations by name, and what it holds. */
export interface Structure<State> {
  readonly does: Readonly<Record<string, (arg: never) => unknown>>;
  look(): State;
}

/** An operation and its argument. */
export type Call = readonly [name: string, arg?: unknown];

/** A protocol, right as it stands, and wrong with any one of its bugs. */
export interface Protocol<State = unknown, Bug extends string = string> {
  readonly name: string;
  readonly size: number;
  readonly right: readonly Model[];
  /** The other models, and what the failure is called there. */
  readonly wrong: Partial<Record<Model, FailureKind>>;
  setup?(m: Region, bug: Bug | undefined): void;
  /** Opens the structure: at first, and after a crash. */
  open(m: Region, bug: Bug | undefined): Structure<NoInfer<State>>;
  init(): State;
  /** What each operation means, without any durability. */
  readonly means: Readonly<Record<string, (state: NoInfer<State>, arg: never) => NoInfer<State> | void>>;
  partial?(state: NoInfer<State>, operation: Operation): Iterable<NoInfer<State>>;
  /** Every sequence of at most two of these is tried. */
  readonly operations: Domain;
  /** And these, for what takes longer. */
  readonly longer?: readonly (readonly Call[])[];
  /** What is done after each recovery. */
  readonly further: readonly Call[];
  readonly bugs: Readonly<Record<Bug, Planted>>;
}

/** Checks a protocol's types and forgets them. */
export function protocol<State, Bug extends string>(described: Protocol<State, Bug>): Protocol {
  return described as unknown as Protocol;
}

/** The crash test of a protocol, or of one of its bugs, for one sequence of operations. */
export function testOf(
  described: Protocol,
  bug: string | undefined,
  sequence: readonly Operation[],
  further: readonly Call[],
): CrashOptions<Structure<unknown>, unknown> {
  const { size, init, means, partial } = described;
  const goOn = async ({ does }: Structure<unknown>, t: Tester) => {
    for (const [name, arg] of further) await t.op(name, arg, () => does[name]!(arg as never));
  };
  const meaning = (state: unknown, { name, arg }: Operation) => means[name]!(state, arg as never);
  return {
    size,
    setup: (m) => described.setup?.(m, bug),
    workload: async (m, t) => {
      const structure = described.open(m, bug);
      for (const { name, arg } of sequence) {
        await t.op(name, arg, () => structure.does[name]!(arg as never));
      }
    },
    recover: (m) => described.open(m, bug),
    observe: (structure) => structure.look(),
    reference: { init, apply: meaning, ...(partial ? { partial } : {}) },
    ...(further.length > 0 ? { further: goOn } : {}),
    steps: 20_000,
  };
}

/** The words of 8 bytes of a region, as numbers. */
export function words(m: Region, byteOffset: number, length: number): Float64Array {
  return m.view(Float64Array, byteOffset, length);
}

/** A word that `store64` stores. */
export function integer(m: Region, byteOffset: number): number {
  return Number(m.view(BigUint64Array, byteOffset, 1)[0]);
}

/** A copy of bytes; of none at all, too. */
export function bytes(m: Region, byteOffset: number, length: number): Uint8Array {
  return length === 0 ? new Uint8Array(0) : m.view(Uint8Array, byteOffset, length).slice();
}

/** Bytes as text. */
export function text(m: Region, byteOffset: number, length: number): string {
  return new TextDecoder().decode(bytes(m, byteOffset, length));
}

/** A checksum of numbers, which is never 0. */
export function checksum(...values: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const value of values) hash = Math.imul(hash ^ value, 0x01000193) ^ hash >>> 15;
  return (hash >>> 0) + 1;
}
