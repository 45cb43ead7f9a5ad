// Counts results and says them: a line for each file, machine and runtime, more where something failed.
import { existsSync, readFileSync } from "node:fs";
import type { Report } from "./guest.ts";

const tailLines = 25;

/** Collects the results of a run. */
export class Reporter {
  passed = 0;
  failed = 0;
  readonly #print: (text: string) => unknown;
  readonly #showOutput: boolean;

  /** @param showOutput whether what ran is shown even if it passed */
  constructor(print: (text: string) => unknown, showOutput: boolean) {
    this.#print = print;
    this.#showOutput = showOutput;
  }

  /** Counts and prints the results of one machine under one runtime. */
  readonly results: Report = (machine, runtime, results, [begin, end]) => {
    const logs = new Set<string>();
    for (const { file, passed, skipped, failures, seconds, log } of results) {
      this.passed += passed;
      this.failed += failures.length;
      const counts = [`${passed} passed`];
      if (failures.length > 0) counts.push(`${failures.length} failed`);
      if (skipped > 0) counts.push(`${skipped} skipped`);
      counts.push(`${seconds.toFixed(1)} s`);
      this.#print(
        `${failures.length > 0 ? "FAIL" : "ok  "} ${file} ${machine} ${runtime}: ${counts.join(", ")}`,
      );
      for (const failure of failures) this.#print(`     ${failure}`);
      if (log && (failures.length > 0 || this.#showOutput)) logs.add(log);
    }
    if (begin !== undefined && end !== undefined) {
      this.#print(`     ${machine} ${runtime}: ${end - begin} s, from ${begin} s after boot on`);
    }
    for (const log of logs) {
      this.#print(
        this.#showOutput
          ? readFileSync(log, "utf8").trimEnd()
          : `     output: ${log}, its last lines:\n${tail(log)}`,
      );
    }
  };

  /** Something other than a test went wrong. */
  trouble(text: string): void {
    this.failed++;
    this.#print(`FAIL ${text}`);
  }
}

/** The last lines of a text file, indented. */
export function tail(path: string): string {
  const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  return lines.slice(-tailLines).map((line) => `     | ${line.replaceAll("\r", "")}`).join("\n");
}
