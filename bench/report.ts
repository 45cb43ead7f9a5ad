/**
 * Says what was measured: a line for each comparison, and which targets were missed.
 *
 * @module
 */

import type { Comparison } from "./measure.ts";
import { knownPart } from "./known.ts";
import { type Added, isAdded, type Measured, partOf } from "./results.ts";

/**
 * Below this part of what the last whole run reached, or of the target where that is less, and in the best rounds too, an optimisation
 * must be lost and not a moment. An accessor takes a nanosecond, of which a stall of the loop around it is half, and ten to twenty once
 * the engine does not see through it. A program's start takes several times as long where all processors are busy. A disk does as it
 * likes.
 */
function lostPart({ group, name }: Measured): number {
  return name.endsWith(", disk") ? 0 : group === "struct" || group === "start" ? 0.3 : 0.6;
}

/** Whether a target is missed by so much that an optimisation must be lost. */
export function isLost(result: Measured): boolean {
  const part = partOf(result), best = partOf(result, "best");
  if (part === undefined || best === undefined) return false;
  return Math.max(part, best) < lostPart(result) * Math.min(1, knownPart(result) ?? 1);
}

/** A line for each peer: how many times as fast as it ours is, with the spread, and both times. */
export function linesOf(result: Measured): string[] {
  const { runtime, name } = result;
  const line = (figures: string, spread: string, rest: string) =>
    `${runtime.padEnd(4)} ${name.padEnd(52)} ${figures.padStart(9)} ${spread.padEnd(17)} ${rest}`;
  if (isAdded(result)) {
    const than = result.than === undefined ? "" : `beside ${result.than}`;
    const asked = result.limit === undefined ? "" : `, at most ${amount(result, result.limit)}`;
    return [line(total(result), spreadOf(result), than + asked)];
  }
  const asked = result.target === undefined ? "" : `, asked for ${result.target.toFixed(2)}×`;
  return result.comparisons.map((comparison, index) =>
    line(
      `${comparison.ratio.toFixed(2)}×`,
      spreadOf(comparison),
      `${speed(result, result.ns)} : ${speed(result, comparison.peerNs)} of ${comparison.peer}${
        index === 0 ? asked : ""
      }`,
    )
  );
}

/** Which targets were missed, and which by so much that an optimisation must be lost. */
export function verdictsOf(
  results: readonly Measured[],
): { judged: number; missed: string[]; lost: string[] } {
  const judged = results.flatMap((result) => {
    const part = partOf(result);
    return part === undefined ? [] : [{ part, isLost: isLost(result), told: told(result) }];
  });
  return {
    judged: judged.length,
    missed: judged.filter(({ part }) => part < 1).map(({ told }) => told),
    lost: judged.filter(({ isLost }) => isLost).map(({ told }) => told),
  };
}

function told(result: Measured): string {
  const what = `${result.runtime}: ${result.name} is`;
  if (isAdded(result)) {
    return `${what} ${total(result)}, asked for at most ${amount(result, result.limit!)}`;
  }
  const { ratio, peer } = result.comparisons[0]!;
  return `${what} ${ratio.toFixed(2)}× of ${peer}, asked for ${result.target!.toFixed(2)}×`;
}

/** The least and the most of the rounds; nothing where there was one. */
export function spreadOf({ least, most, ...kind }: Comparison | Added): string {
  const digits = "unit" in kind ? 1 : 2;
  return least === most ? "" : `(${least.toFixed(digits)} … ${most.toFixed(digits)})`;
}

/** What was found, with a sign where it is a difference. */
export function total(result: Added): string {
  return (result.than === undefined ? "" : "+ ") + amount(result, result.more);
}

function amount({ unit }: Added, value: number): string {
  return `${value.toFixed(1)} ${unit}`;
}

/** How long one operation takes, or how many bytes it moves in that time. */
export function speed({ bytes }: { readonly bytes?: number }, ns: number): string {
  if (bytes !== undefined) return `${(bytes / ns).toFixed(2)} GB/s`;
  if (ns < 1e4) return `${ns.toFixed(ns < 100 ? 1 : 0)} ns`;
  return ns < 1e7 ? `${(ns / 1e3).toFixed(1)} µs` : `${(ns / 1e6).toFixed(1)} ms`;
}
