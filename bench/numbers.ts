/**
 * What the design asks for, row by row, and which measured rows answer it.
 *
 * @module
 */

import { total } from "./report.ts";
import { type Compared, isAdded, type Measured, partOf } from "./results.ts";

/** A row of the design's table. */
interface Wanted {
  readonly what: string;
  readonly against: string;
  readonly target: string;
  /** The rows that must reach it, all of them. */
  readonly rows: (result: Measured) => boolean;
  /** Ours in the peer's time, where less is better; by default how many times as fast. */
  readonly isTime?: true;
}

const named = (pattern: RegExp) => ({ name }: Measured) => pattern.test(name);
const against = (pattern: RegExp, peer: RegExp) => (result: Measured) =>
  pattern.test(result.name) && !isAdded(result) && peer.test(result.comparisons[0]!.peer);
const writes = (isLarge: boolean) => (result: Measured) =>
  /^write \d+$/.test(result.name) && ((result as Compared).bytes! >= 65_536) === isLarge;

const lmdb = /^lmdb$/, sqlite = /sqlite$/;

/** The design's table. */
const table: readonly Wanted[] = [
  {
    what: "persist of 8 bytes",
    against: "the same loop in native code",
    target: "≤ 1.03× its time",
    rows: named(/^persist.*same line$/),
    isTime: true,
  },
  {
    what: "store64",
    against: "store + clwb + sfence in native code",
    target: "≥ 1.4×",
    rows: named(/^store64, same line$/),
  },
  {
    what: "write 64 B … 32 KiB",
    against: "pmem_memcpy_persist (C)",
    target: "≥ 1.0× at every size",
    rows: writes(false),
  },
  {
    what: "write 64 KiB … 64 MiB",
    against: "the same",
    target: "≥ 1.5× at every size",
    rows: writes(true),
  },
  {
    what: "log append 64 B",
    against: "libpmemlog (C), which checks nothing",
    target: "≥ 3×",
    rows: against(/^log append 64$/, /^libpmemlog$/),
  },
  {
    what: "log append 256 and 1024 B",
    against: "the same",
    target: "≥ 2.4×",
    rows: against(/^log append (?:256|1024)$/, /^libpmemlog$/),
  },
  {
    what: "transaction on one word",
    against: "libpmemobj (C)",
    target: "≥ 4×",
    rows: against(/^transaction that adds to 1 words$/, /^libpmemobj$/),
  },
  {
    what: "log append 100 B, tmpfs",
    against: "lmdb putSync",
    target: "≥ 60×",
    rows: against(/^log append 100, memory$/, lmdb),
  },
  {
    what: "log append 100 B, tmpfs",
    against: "the runtime's SQLite, WAL, FULL",
    target: "≥ 80×",
    rows: against(/^log append 100, memory$/, sqlite),
  },
  {
    what: "log append 100 B, disk",
    against: "the runtime's SQLite, WAL, FULL",
    target: "≥ 1×",
    rows: against(/^log append 100, disk$/, sqlite),
  },
  {
    what: "log append 100 B, disk",
    against: "lmdb putSync",
    target: "≥ 4×",
    rows: against(/^log append 100, disk$/, lmdb),
  },
  {
    what: "element access through a view",
    against: "a plain typed array",
    target: "≥ 0.98×",
    rows: named(/^each element of/),
  },
  {
    what: "struct field get, set",
    against: "hand-written DataView",
    target: "≥ 0.9×",
    rows: named(/^struct: /),
  },
  {
    what: "import, load, first open",
    against: "the bare runtime's start",
    target: "+ ≤ 15 ms",
    rows: named(/^import, load, first open$/),
  },
  {
    what: "open of 64 GiB, sparse",
    against: "open of 1 GiB",
    target: "≤ 1.5× its time",
    rows: named(/^open of 64 GiB/),
    isTime: true,
  },
  {
    what: "hot paths",
    against: "—",
    target: "no allocation: ≤ 8 bytes an operation",
    rows: ({ group }) => group === "allocation",
  },
  {
    what: "native library",
    against: "—",
    target: "≤ 16 KiB an architecture",
    rows: named(/^native library/),
  },
];

/** What one runtime answers to a row of the design. */
export interface Answer {
  readonly figure: string;
  readonly isMet: boolean;
}

/** The design's table with what each runtime answers: by the row that is furthest from the target. */
export function answers(
  results: readonly Measured[],
  runtimes: readonly string[],
): { what: string; against: string; target: string; answers: (Answer | undefined)[] }[] {
  return table.map(({ rows, isTime, ...wanted }) => ({
    ...wanted,
    answers: runtimes.map((runtime) => {
      const judged = results.filter((result) =>
        result.runtime === runtime && partOf(result) !== undefined && rows(result)
      );
      const [worst] = judged.toSorted((a, b) => partOf(a)! - partOf(b)!);
      if (worst === undefined) return undefined;
      const which = judged.length > 1 ? `: ${worst.name}` : "";
      return { figure: figureOf(worst, isTime) + which, isMet: partOf(worst)! >= 1 };
    }),
  }));
}

function figureOf(result: Measured, isTime: true | undefined): string {
  if (isAdded(result)) return total(result);
  const { ratio } = result.comparisons[0]!;
  return isTime ? `${(1 / ratio).toFixed(2)}× its time` : `${ratio.toFixed(ratio < 10 ? 2 : 1)}×`;
}
