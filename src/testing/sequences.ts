// Which operations to test: every short sequence over a small domain, or random longer ones from fast-check.
import type { Operation } from "./options.ts";

/** For each operation, the arguments to try. */
export type Domain = Readonly<Record<string, readonly unknown[]>>;

/** Which sequences. */
export interface SequenceOptions<D extends Domain> {
  /** For each operation, the arguments to try. */
  operations: D;
  /** The longest sequence; three operations find most bugs. */
  upTo: number;
}

/** An operation of a domain. */
export type OperationOf<D extends Domain> = {
  [Name in keyof D & string]: { readonly name: Name; readonly arg: D[Name][number] };
}[keyof D & string];

/**
 * Every sequence of at most `upTo` operations, the short ones first, the empty one included.
 *
 * There are 1 + n + n² + … of them, where n is the number of operations with their arguments.
 *
 * @throws {RangeError} if `upTo` is not a whole number from 0 to 16
 *
 * @example
 * ```ts
 * import { sequences } from "@daxfile/daxfile/testing";
 *
 * for (const sequence of sequences({ operations: { put: [[0, 1], [1, 2]], clear: [undefined] }, upTo: 3 })) {
 *   console.log(sequence.map(({ name, arg }) => `${name}(${arg})`).join(" "));
 * }
 * ```
 */
export function* sequences<const D extends Domain>(options: SequenceOptions<D>): Generator<OperationOf<D>[]> {
  const { upTo } = options;
  if (!Number.isInteger(upTo) || upTo < 0 || upTo > 16) {
    throw new RangeError(`sequences: upTo is ${upTo}, must be a whole number from 0 to 16`);
  }
  const operations = operationsOf(options.operations);
  for (let length = 0; length <= upTo; length++) yield* ofLength(operations, length);
}

function* ofLength<O extends Operation>(operations: readonly O[], length: number): Generator<O[]> {
  if (length === 0) return yield [];
  for (const sequence of ofLength(operations, length - 1)) {
    for (const operation of operations) yield [...sequence, operation];
  }
}

function operationsOf<D extends Domain>(domain: D): OperationOf<D>[] {
  return Object.entries(domain).flatMap(([name, args]) => args.map((arg) => ({ name, arg }))) as OperationOf<
    D
  >[];
}

/** What is needed of fast-check, which is passed in: daxfile depends on nothing at run time. */
export interface FastCheck<A> {
  /** One of the values. */
  constantFrom(...values: unknown[]): A;
  /** A list. */
  array(arbitrary: A, constraints: { maxLength: number }): A;
}

/**
 * A fast-check arbitrary of sequences over a domain, which shrinks as fast-check's arrays do.
 *
 * @param fc the module fast-check
 *
 * @example
 * ```ts ignore
 * import fc from "fast-check";
 *
 * const arbitrary = arbitrarySequences(fc, { operations: { put: [[0, 1], [1, 2]] }, upTo: 20 });
 * await fc.assert(fc.asyncProperty(arbitrary, async (sequence) => void await crash(testOf(sequence))));
 * ```
 */
export function arbitrarySequences<const D extends Domain, A>(
  fc: FastCheck<A>,
  options: SequenceOptions<D>,
): A {
  return fc.array(fc.constantFrom(...operationsOf(options.operations)), { maxLength: options.upTo });
}
