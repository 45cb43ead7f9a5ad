/**
 * The mutation score: weakens every place where something is written back, one at a time, and looks whether anything notices.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { structureVerdicts } from "./structures.ts";
import { typescriptVerdicts } from "./typescript.ts";
import { type Outcome, told, type Verdict } from "./verdict.ts";
import { zigVerdicts } from "./zig.ts";

const usage = `deno run -A tests/mutants/run.ts [OPTIONS] [src] [structures] [zig]

Weakens every flush, fence and msync of the library in TypeScript (src), of the structures on it, and of the native library (zig),
each in every way that a programmer could get wrong, and prints those that no check noticed. All three by default.

  --only TEXT   only places that have this in their name, such as cache.zig:65
  --verbose     also those that were noticed, and by what`;

const areas: Readonly<Record<string, (only: string) => AsyncIterable<Verdict>>> = {
  src: typescriptVerdicts,
  structures: structureVerdicts,
  zig: zigVerdicts,
};

async function main(): Promise<number> {
  const { values: { only, verbose, help }, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", default: "" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (help) {
    console.log(usage);
    return 0;
  }
  const unknown = positionals.find((name) => !(name in areas));
  if (unknown !== undefined) {
    throw new Error(`There is no "${unknown}"; there are ${Object.keys(areas).join(", ")}`);
  }
  const totals = newTotals();
  for (const [name, verdicts] of Object.entries(areas)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const begin = performance.now(), here = newTotals();
    for await (const verdict of verdicts(only)) {
      here[verdict.outcome]++;
      totals[verdict.outcome]++;
      if (verbose || verdict.outcome !== "killed") console.log(told(verdict));
    }
    const { killed, survived, equivalent } = here;
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    console.log(
      `${name}: killed ${killed} / ${killed + survived}, and ${equivalent} proven equivalent (${seconds} s)`,
    );
  }
  // A mutant that is no program says nothing, so there shall be none
  const failed = totals.survived + totals.invalid;
  console.log(`${totals.killed} passed, ${failed} failed`);
  return failed === 0 && totals.killed > 0 ? 0 : 1;
}

function newTotals(): Record<Outcome, number> {
  return { killed: 0, survived: 0, equivalent: 0, invalid: 0 };
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
