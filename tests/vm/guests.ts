// Runs machines, each in a guest of its own, and says what became of them.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { memoryBytes } from "./devices.ts";
import { type RunOptions, startTests, type TestGuest } from "./guest.ts";
import { type Machine, machinesNamed } from "./machines.ts";
import { Reporter, tail } from "./report.ts";
import { byProcessors, type Selection } from "./selection.ts";

/** Guests at a time: one a processor, for an emulated guest keeps hardly more than one busy, and as many as there is memory for. */
const atOnce = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / memoryBytes)));

/** A guest to be booted: a machine and the files that it runs. */
interface Wanted {
  machine: Machine;
  processors: number;
  files: readonly string[];
}

/** The guests of a selection, the longest first, so that none is left alone at the end; a file that races goes on for as long as ten. */
export function guestsOf(
  selection: Selection,
  groups: (files: readonly string[]) => Map<number, string[]>,
): Wanted[] {
  const length = ({ processors, files }: Wanted) => files.length * (processors === 1 ? 1 : 10);
  return machinesNamed([...selection.keys()])
    .flatMap((machine) =>
      [...groups(selection.get(machine.name)!)].map(([processors, files]) => ({ machine, processors, files }))
    )
    .sort((one, other) => length(other) - length(one));
}

/**
 * Boots a guest for each machine of the selection, and one more for those of its files that want more processors; some at a time, and waits
 * for them all.
 *
 * Leaves a folder below the system's for temporary files if something failed, with the console and the output of the guests in which it
 * did, or with everything if that is wanted.
 *
 * @param showOutput whether what ran is shown even if it passed
 * @param say prints a line
 * @returns whether all went well, and something was tried
 */
export async function runGuests(
  selection: Selection,
  showOutput: boolean,
  options: RunOptions,
  say: (text: string) => void,
): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), "daxfile-vm-"));
  const guests = new Set<TestGuest>();
  const consoles: string[] = [];
  let passed = 0, failed = 0, stopped: string | undefined;
  const stop = (reason: string) => {
    stopped ??= reason;
    for (const guest of guests) guest.stop(reason);
  };
  const onSignal = (signal: string) => stop(signal);
  for (const signal of signals) process.once(signal, onSignal);

  // The next one whenever one ends
  const waiting = guestsOf(
    selection,
    (files) =>
      options.runtimes.has("exec") ? new Map([[1, [...files]]]) : byProcessors(options.checkout, files),
  ).values();
  const lane = async () => {
    for (const { machine, processors, files } of waiting) {
      if (stopped) return;
      const own = join(folder, processors === 1 ? machine.name : `${machine.name}-${processors}`);
      mkdirSync(own);
      const reporter = new Reporter((text) => stopped || say(text), showOutput);
      const guest = startTests(own, machine, files, processors, options, reporter.results);
      guests.add(guest);
      const trouble = await guest.finished;
      guests.delete(guest);
      if (trouble) {
        reporter.trouble(
          `${machine.name}: ${trouble}; the console's last lines:\n${tail(guest.consolePath)}`,
        );
      }
      passed += reporter.passed;
      failed += reporter.failed;
      if (options.keep) continue;
      rmSync(join(own, reporter.failed > 0 ? "images" : ""), { recursive: true });
      if (reporter.failed > 0) consoles.push(guest.consolePath);
    }
  };
  try {
    await Promise.all(
      Array.from({ length: atOnce }, lane).map((running) =>
        running.catch((error) => {
          stop("another guest could not be started");
          throw error;
        })
      ),
    );
  } catch (error) {
    await Promise.allSettled([...guests].map((guest) => guest.finished));
    rmSync(folder, { recursive: true, force: true });
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
  if (options.keep) say(`Kept: ${folder}`);
  else if (stopped || failed === 0) rmSync(folder, { recursive: true, force: true });
  else for (const path of consoles) say(`Console: ${path}`);
  say(stopped ? `Stopped by ${stopped}` : `${passed} passed, ${failed} failed`);
  return !stopped && failed === 0;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
