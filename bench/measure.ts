/**
 * Runs what is compared in turn, in one process: the machine's mood then falls on all sides alike, and only ratios are believed.
 *
 * @module
 */

/** One way to do the work: so many operations in a row. */
export type Side = (count: number) => void;

/** One line of the table before it is measured. */
export interface Row {
  /** What is done, with sizes in bytes. */
  readonly name: string;
  /** Ours, and what it is measured against; the first peer is the one that the target speaks of. */
  readonly ours: Side;
  readonly peers: Readonly<Record<string, Side>>;
  /** What the design asks for: how many times as fast as the first peer. */
  readonly target?: number;
  /** Operations in one round, if the time of one is known to be long. */
  readonly operations?: number;
  /** Bytes that one operation moves, where GB/s say more than nanoseconds. */
  readonly bytes?: number;
}

/** The median of the rounds' ratios, with the least and the most. */
export interface Comparison {
  readonly peer: string;
  /** How many times as fast ours is. */
  readonly ratio: number;
  readonly least: number;
  readonly most: number;
  /** The ratio of the best rounds: what is left of it when the machine has other work. */
  readonly best: number;
  /** Nanoseconds of one operation, the median. */
  readonly peerNs: number;
}

/** One line of the table. */
export interface Result {
  readonly name: string;
  readonly ns: number;
  readonly comparisons: readonly Comparison[];
  readonly target?: number;
  readonly bytes?: number;
}

/** How long each side works in a round, and how many rounds count; the first ones only warm up. */
export interface Effort {
  readonly roundMs: number;
  readonly rounds: number;
}

/** Rounds that do not count, and milliseconds that each side works before any: optimised code comes late. */
const warmUps = 2, warmUpMs = 60;

/** Measures one row. */
export function measure(row: Row, { roundMs, rounds }: Effort): Result {
  const sides = { ours: row.ours, ...row.peers };
  const counts = new Map(
    Object.entries(sides).map(([name, side]) => [name, row.operations ?? fitting(side, roundMs)]),
  );
  const times = new Map(Object.keys(sides).map((name) => [name, [] as number[]]));
  for (let round = -warmUps; round < rounds; round++) {
    for (const [name, side] of Object.entries(sides)) {
      const count = counts.get(name)!;
      const ns = nanoseconds(side, count) / count;
      if (round >= 0) times.get(name)!.push(ns);
    }
  }
  const ours = times.get("ours")!;
  return {
    name: row.name,
    ns: median(ours),
    comparisons: Object.keys(row.peers).map((peer) => {
      const ratios = times.get(peer)!.map((ns, round) => ns / ours[round]!);
      return {
        peer,
        ratio: median(ratios),
        least: Math.min(...ratios),
        most: Math.max(...ratios),
        best: Math.min(...times.get(peer)!) / Math.min(...ours),
        peerNs: median(times.get(peer)!),
      };
    }),
    ...(row.target === undefined ? {} : { target: row.target }),
    ...(row.bytes === undefined ? {} : { bytes: row.bytes }),
  };
}

/** How many operations of this side take about so long. */
function fitting(side: Side, roundMs: number): number {
  const begin = performance.now();
  let count = 1;
  for (;;) {
    const ns = nanoseconds(side, count);
    if (ns >= roundMs * 1e6 / 4 && performance.now() - begin >= warmUpMs) {
      return Math.max(1, Math.round(count * roundMs * 1e6 / ns));
    }
    count = Math.max(1, Math.min(count * 16, Math.ceil(count * roundMs * 1e6 / Math.max(ns, 1000))));
  }
}

function nanoseconds(side: Side, count: number): number {
  const begin = performance.now();
  side(count);
  return (performance.now() - begin) * 1e6;
}

/** The middle one. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
