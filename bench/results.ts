/**
 * What a run finds out, as it is printed, kept in docs/performance.json and put into docs/performance.md.
 *
 * @module
 */

import type { Result } from "./measure.ts";

interface Origin {
  readonly runtime: string;
  readonly group: string;
  readonly name: string;
}

/** Ours beside its peers: only the ratios say something. */
export interface Compared extends Origin, Result {}

/** What ours costs by itself, or beyond something that is there anyway: no ratio would say anything. */
export interface Added extends Origin {
  /** How much, the median. */
  readonly more: number;
  readonly least: number;
  readonly most: number;
  readonly unit: "ms" | "KiB" | "bytes";
  /** More than what, if it is a difference. */
  readonly than?: string;
  /** What the design allows. */
  readonly limit?: number;
}

/** One line of the output. */
export type Measured = Compared | Added;

/** Whether a result is an amount and no ratio. */
export function isAdded(result: Measured): result is Added {
  return "more" in result;
}

/** Those that have peers. */
export function comparedOf(results: readonly Measured[]): Compared[] {
  return results.flatMap((result) => isAdded(result) ? [] : [result]);
}

/** Which part of its target a result reaches: 1 and more is enough; undefined where the design asks for nothing. */
export function partOf(result: Measured, which: "ratio" | "best" = "ratio"): number | undefined {
  if (isAdded(result)) {
    if (result.limit === undefined) return undefined;
    const more = which === "best" ? result.least : result.more;
    return result.limit / Math.max(more, Number.EPSILON);
  }
  return result.target === undefined ? undefined : result.comparisons[0]![which] / result.target;
}
