/**
 * The mutation score: weakens every place where something is written back, one at a time, and looks whether anything notices.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { installPackages } from "../helpers/install.ts";
import { useScratch } from "./scratch.ts";
import { structureVerdicts } from "./structures.ts";
import { typescriptVerdicts } from "./typescript.ts";
import { Score, told, type Verdict } from "./verdict.ts";
import { zigVerdicts } from "./zig.ts";

const usage = `deno run -A tests/mutants/run.ts [OPTIONS] [src] [structures] [zig]

Weakens every flush, fence and msync of the library in TypeScript (src), of the structures on it, and of the native library (zig),
each in every way that a programmer could get wrong, and prints those that no check noticed. All three by default.

  --only TEXT   only places that have this in their name, such as cache.zig:65
  --verbose     also those that were noticed and by what, and those that were proven to do the same`;

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
  installPackages();
  using _ = useScratch();
  const total = new Score();
  for (const [name, verdicts] of Object.entries(areas)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const begin = performance.now(), score = new Score();
    for await (const verdict of verdicts(only)) {
      score.add(verdict);
      total.add(verdict);
      if (verbose || verdict.outcome === "survived" || verdict.outcome === "invalid") {
        console.log(told(verdict));
      }
    }
    console.log(`${name}: ${score} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
  }
  console.log(total.line);
  return total.isWhole ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
