/**
 * A histogram of durations, drawn with characters.
 *
 * @module
 */

import { formatCount, formatDuration } from "./format.ts";

/** A bar is eighths of a character wide. */
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/**
 * Draws durations in classes of 1, 2, 5, 10, …: one row each, from the class of the shortest to that of the longest.
 *
 * @param sorted durations in nanoseconds, ascending
 * @param columns the widest a row may be
 */
export function histogram(sorted: Float64Array, columns: number): string[] {
  if (sorted.length === 0) return [];
  const bounds = boundsAround(sorted[0]!, sorted[sorted.length - 1]!);
  const rows = bounds.slice(1).map((upper, row) => {
    const lower = bounds[row]!;
    const count = lowerBound(sorted, upper) - lowerBound(sorted, lower);
    return {
      range: `${formatDuration(lower).padStart(6)} – ${formatDuration(upper).padStart(6)}`,
      count: formatCount(count),
      share: count / sorted.length,
    };
  });
  const countColumns = Math.max(...rows.map(({ count }) => count.length));
  const largest = Math.max(...rows.map(({ share }) => share));
  const barColumns = Math.max(8, columns - "100 ns – 200 ns  ".length - countColumns - "   99.9 %".length);
  return rows.map(({ range, count, share }) =>
    `${range}  ${bar(share / largest, barColumns)} ${count.padStart(countColumns)} ${percent(share)}`
  );
}

/** The duration below which a share of all lie. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function bar(share: number, columns: number): string {
  // What is there at all is seen: at least an eighth
  const length = share === 0 ? 0 : Math.max(1, Math.round(share * columns * 8));
  return ("█".repeat(length >> 3) + eighths[length & 7]!).padEnd(columns);
}

function percent(share: number): string {
  const text = share === 0 ? "" : share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(1)} %`;
  return text.padStart("100.0 %".length);
}

/** The bounds of the classes that hold everything from the least to the most. */
function boundsAround(least: number, most: number): number[] {
  const bounds = [0];
  for (let decade = 10;; decade *= 10) {
    for (const step of [1, 2, 5]) {
      const bound = decade * step;
      if (bound <= least) bounds.length = 0;
      bounds.push(bound);
      if (bound > most) return bounds;
    }
  }
}

/** How many of them are less than a bound. */
function lowerBound(sorted: Float64Array, bound: number): number {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
