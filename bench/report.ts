/**
 * Says what was measured: a line for each comparison, and which targets were missed.
 *
 * @module
 */

import type { Result } from "./measure.ts";

/** A result with where it comes from. */
export interface Measured extends Result {
  readonly runtime: string;
  readonly group: string;
  /** Milliseconds more than the peer, where that is what counts. */
  readonly moreMs?: number;
}

/** Milliseconds that import, load and first open may add. */
const mostMs = 15;

/** Below this part of a target, in the best rounds too, an optimisation must be lost and not a moment. */
const lostPart = 0.5;

/** A line for each peer: how many times as fast as it ours is, with the spread, and both times. */
export function linesOf({ runtime, name, ns, comparisons, target, bytes, moreMs }: Measured): string[] {
  return comparisons.map(({ peer, ratio, least, most, peerNs }) => {
    const spread = `(${least.toFixed(2)} … ${most.toFixed(2)})`;
    const figures = moreMs !== undefined ? `+ ${moreMs.toFixed(1)} ms` : `${ratio.toFixed(2)}×`;
    const asked = target === undefined ? "" : `, asked for ${target.toFixed(2)}×`;
    const speed = bytes === undefined
      ? `${time(ns)} : ${time(peerNs)}`
      : `${rate(bytes, ns)} : ${rate(bytes, peerNs)}`;
    return `${runtime.padEnd(4)} ${name.padEnd(44)} ${figures.padStart(9)} ${
      spread.padEnd(17)
    } ${speed} of ${peer}${asked}`;
  });
}

/** Which targets were missed, and which by so much that an optimisation must be lost. */
export function verdictsOf(
  results: readonly Measured[],
): { judged: number; missed: string[]; lost: string[] } {
  const judged = results.filter(({ target, moreMs }) => target !== undefined || moreMs !== undefined);
  const part = ({ target, comparisons, moreMs }: Measured, ratio: "ratio" | "best" = "ratio") =>
    moreMs !== undefined ? mostMs / Math.max(moreMs, 1) : comparisons[0]![ratio] / target!;
  const told = (result: Measured) => {
    const asked = result.moreMs === undefined ? `${result.target!.toFixed(2)}×` : `+ ${mostMs} ms`;
    const was = result.moreMs === undefined
      ? `${result.comparisons[0]!.ratio.toFixed(2)}×`
      : `+ ${result.moreMs.toFixed(1)} ms`;
    return `${result.runtime}: ${result.name} is ${was} of ${
      result.comparisons[0]!.peer
    }, asked for ${asked}`;
  };
  return {
    judged: judged.length,
    missed: judged.filter((result) => part(result) < 1).map(told),
    lost: judged.filter((result) => Math.max(part(result), part(result, "best")) < lostPart).map(told),
  };
}

function time(ns: number): string {
  if (ns < 1e4) return `${ns.toFixed(ns < 100 ? 1 : 0)} ns`;
  return ns < 1e7 ? `${(ns / 1e3).toFixed(1)} µs` : `${(ns / 1e6).toFixed(1)} ms`;
}

function rate(bytes: number, ns: number): string {
  return `${(bytes / ns).toFixed(2)} GB/s`;
}
