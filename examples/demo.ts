/**
 * The demo: a ledger of payments that outlives `kill -9`. A child process makes payments in place as fast as it can, is killed at a
 * random moment, and this process opens the file again and looks for every payment that was acknowledged; several times.
 *
 * ```sh
 * deno run --allow-ffi --allow-run --allow-env examples/demo.ts [PATH]
 * bun run examples/demo.ts [PATH]
 * ```
 *
 * To learn the library from it, read ledger.ts: the data structure and the order of its writes. Then demo/writer.ts, which is killed.
 * Here is the order of events.
 *
 * @module
 */

import process from "node:process";
import { audit, describeFaults, isSound } from "./demo/audit.ts";
import { InterruptedError, killWriter, runWriter } from "./demo/child.ts";
import { formatCount } from "./demo/format.ts";
import { measurePersist } from "./demo/measure.ts";
import { type Options, readOptions } from "./demo/options.ts";
import { explain, Refusal } from "./demo/refusal.ts";
import { printDurations, printFile, printHead, printRound, printTotals } from "./demo/report.ts";
import { endProgress, print, progress } from "./demo/screen.ts";
import { Ledger } from "./ledger.ts";

/** Over all rounds. */
interface Tally {
  milliseconds: number;
  acknowledged: number;
  found: number;
  /** How long each payment took to be durable, in nanoseconds. */
  readonly durations: number[];
}

for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  process.on(signal, () => stop(exitCode));
}
// Whoever read the output has gone, as `head` does
process.stdout.on("error", () => stop(141));

try {
  const options = readOptions();
  if (options !== undefined) await main(options);
} catch (error) {
  if (error instanceof InterruptedError) stop(130);
  endProgress();
  console.error(explain(error));
  process.exitCode = 1;
}

async function main({ path, rounds, seconds }: Options): Promise<void> {
  introduce(path);
  printHead(rounds);
  const tally: Tally = { milliseconds: 0, acknowledged: 0, found: 0, durations: [] };
  for (let round = 1; round <= rounds; round++) {
    const milliseconds = seconds * 1000 / rounds * (0.2 + 1.6 * Math.random());
    await killOnce(path, `${round} of ${rounds}`, milliseconds, tally);
  }
  print();
  printDurations(new Float64Array(tally.durations), tally.milliseconds);

  using ledger = Ledger.open(path);
  mustBeSound(ledger);
  printTotals(ledger, tally);
}

/** What PATH gives, and that what it holds already is sound. */
function introduce(path: string): void {
  using ledger = Ledger.open(path, { create: true });
  mustBeSound(ledger);
  progress("Measuring …");
  printFile(ledger, measurePersist(ledger));
}

/** One round: write, kill, open again, look. */
async function killOnce(path: string, round: string, milliseconds: number, tally: Tally): Promise<void> {
  const { before, most } = sizeUp(path);
  let last = before;
  const said = () => `${formatCount(last - before)} payments acknowledged`;
  progress(`${round}: starting the writer`);
  const ticker = setInterval(() => progress(`${round}: writing, ${said()}`), 100);
  const lived = await runWriter(path, {
    milliseconds,
    most,
    onPayment(number, nanoseconds) {
      last = number;
      tally.durations.push(nanoseconds);
    },
  }).finally(() => clearInterval(ticker));

  progress(`${round}: killed, opening the file again, ${said()}`);
  using ledger = Ledger.open(path);
  const result = audit(ledger, before + 1, last);
  const acknowledged = last - before, found = ledger.count - before;
  printRound({ ...result, round, lived, acknowledged, found });
  if (!isSound(result)) throw new Refusal(`FAILED: "${path}" lost payments: ${describeFaults(result)}`);
  tally.milliseconds += lived;
  tally.acknowledged += acknowledged;
  tally.found += found;
}

/** Where a round begins, and how many payments it may make before it could overwrite its own. */
function sizeUp(path: string): { before: number; most: number } {
  using ledger = Ledger.open(path);
  return { before: ledger.count, most: ledger.capacity >> 1 };
}

function mustBeSound(ledger: Ledger): void {
  const result = audit(ledger);
  if (isSound(result)) return;
  const { path } = ledger.file;
  throw new Refusal(
    `"${path}" is a damaged ledger: ${describeFaults(result)}. Remove it, or name another file`,
  );
}

function stop(exitCode: number): never {
  killWriter();
  endProgress();
  process.exit(exitCode);
}
