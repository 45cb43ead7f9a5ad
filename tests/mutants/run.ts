/**
 * The mutation score: weakens every place where something is written back, one at a time, and looks whether anything notices.
 *
 * @module
 */

import process from "node:process";
import { typescriptVerdicts } from "./typescript.ts";
import { zigVerdicts } from "./zig.ts";
import { told, type Verdict } from "./verdict.ts";

const usage = `deno run -A tests/mutants/run.ts [src] [zig] [--verbose]

Weakens every flush, fence and msync of src/ and zig/ (or of one of them), and prints what no check noticed.`;

const areas: Readonly<Record<string, () => AsyncIterable<Verdict>>> = {
  src: typescriptVerdicts,
  zig: zigVerdicts,
};

const words = process.argv.slice(2);
const chosen = words.filter((word) => !word.startsWith("--"));
if (words.includes("--help")) console.log(usage);
else process.exitCode = await main();

async function main(): Promise<number> {
  const totals = { killed: 0, survived: 0, equivalent: 0, invalid: 0 };
  for (const [name, verdicts] of Object.entries(areas)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const begin = performance.now();
    const here = { killed: 0, survived: 0, equivalent: 0, invalid: 0 };
    for await (const verdict of verdicts()) {
      here[verdict.outcome]++;
      if (verdict.outcome !== "killed" || words.includes("--verbose")) console.log(told(verdict));
    }
    for (const [outcome, count] of Object.entries(here)) totals[outcome as keyof typeof totals] += count;
    const { killed, survived, equivalent } = here;
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    console.log(
      `${name}: killed ${killed} / ${killed + survived}, and ${equivalent} proven equivalent (${seconds} s)`,
    );
  }
  console.log(`${totals.killed} passed, ${totals.survived} failed`);
  return totals.survived === 0 && totals.killed > 0 ? 0 : 1;
}
