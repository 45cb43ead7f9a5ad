/**
 * What the demo prints.
 *
 * @module
 */

import { probe } from "../../mod.ts";
import type { Ledger } from "../ledger.ts";
import { formatBytes, formatCents, formatCount, formatDuration } from "./format.ts";
import { histogram, quantile } from "./histogram.ts";
import { bold, columns, print } from "./screen.ts";

/** A round and its outcome. */
export interface Round {
  readonly round: string;
  /** Milliseconds that the writer wrote. */
  readonly lived: number;
  readonly acknowledged: number;
  readonly found: number;
  readonly missing: number;
  readonly torn: number;
}

/** What PATH gives, and what is in it. */
export function printFile(ledger: Ledger, persistNanoseconds: number): void {
  const { file } = ledger;
  const { fileSystem, flushMethod, checks } = probe(file.path);
  const why = (name: string) => {
    const check = checks.find((check) => check.name === name);
    return check?.reason ?? check?.value;
  };
  const size = formatBytes(file.size), room = formatCount(ledger.capacity);
  const count = formatCount(ledger.count), total = formatCents(ledger.total);
  print(bold("A ledger of payments that outlives kill -9"));
  print();
  print(`  file         ${file.path} on ${fileSystem}, ${size}: room for ${room} payments`);
  print(`  granularity  ${file.granularity}, by ${flushMethod}: ${why("granularity")}`);
  print(`  durability   ${file.durability}: ${why("durability")}`);
  print(`  persist      ${formatDuration(persistNanoseconds)} for a cache line`);
  print(
    ledger.count === 0
      ? "  ledger       new"
      : `  ledger       already holds ${count} payments, ${total} in all`,
  );
  if (ledger.first > 1) {
    print(`               full: the first ${formatCount(ledger.first - 1)} made room for later ones`);
  }
  print();
}

/** What is going to happen, and the head of the table. */
export function printHead(rounds: number): void {
  const times = rounds === 1 ? "once" : `${rounds} times`;
  print(`A process makes payments as fast as it can and is killed with SIGKILL, ${times}.`);
  print("Unacknowledged: durable already when it was killed, but not reported yet.");
  print();
  print(bold(cells("round", "killed after", "acknowledged", "found", "unacknowledged", "missing", "torn")));
}

/** A line of the table. */
export function printRound({ round, lived, acknowledged, found, missing, torn }: Round): void {
  const counts = [acknowledged, found, found - acknowledged, missing, torn];
  print(cells(round, `${(lived / 1000).toFixed(2)} s`, ...counts.map(formatCount)));
}

/** The histogram. */
export function printDurations(durations: Float64Array, milliseconds: number): void {
  const sorted = durations.sort();
  print(`${bold("How long a payment took to be durable")}: record, balances and number, in one transaction`);
  print();
  for (const line of histogram(sorted, columns - 4)) print(`  ${line}`);
  print();
  const [median, most, longest] = [0.5, 0.99, 1].map((share) => formatDuration(quantile(sorted, share)));
  const rate = formatCount(Math.round(sorted.length / milliseconds * 1000));
  print(`  median ${median}, 99 % below ${most}, longest ${longest}; ${rate} acknowledged a second`);
  print();
}

/** The outcome, and what was not shown and stands in for it. */
export function printTotals(
  ledger: Ledger,
  { found, acknowledged }: { found: number; acknowledged: number },
): void {
  const made = formatCount(found), told = formatCount(acknowledged);
  const count = formatCount(ledger.count), total = formatCents(ledger.total);
  const { durability } = ledger.file;
  print(bold(`Made ${made} payments, ${told} of them acknowledged: 0 missing, 0 torn.`));
  print(`The ledger holds ${count} payments, ${total} in all, and the sums agree.`);
  print();
  print("SIGKILL ends a process and empties no cache, so this cannot show a power cut. For that there is");
  print(
    durability === "power-loss"
      ? "the durability: power-loss promises that what was acknowledged survives one too."
      : "the durability: process-exit says that one may lose everything in this file.",
  );
}

function cells(...texts: string[]): string {
  const widths = [10, 14, 14, 11, 16, 9, 6];
  return texts.map((text, index) => text.padStart(widths[index]!)).join("");
}
