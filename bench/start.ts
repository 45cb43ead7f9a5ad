/**
 * What importing, loading the library and the first open add to the bare runtime's start.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { median } from "./measure.ts";
import type { Measured } from "./report.ts";

const rounds = 15, warmUps = 2;

/** Starts a program that does nothing and one that opens a file, in turn. */
export function startResult(
  runtime: string,
  command: readonly string[],
  root: string,
  folder: string,
): Measured {
  writeFileSync(`${folder}/bare.ts`, "console.log(1);\n");
  writeFileSync(
    `${folder}/open.ts`,
    `import { open } from "${root}mod.ts";\nopen("${folder}/start.dax", { create: true, size: 4096 }).close();\nconsole.log(1);\n`,
  );
  const bares: number[] = [], openings: number[] = [];
  for (let round = -warmUps; round < rounds; round++) {
    const bare = milliseconds(command, `${folder}/bare.ts`),
      opening = milliseconds(command, `${folder}/open.ts`);
    if (round < 0) continue;
    bares.push(bare);
    openings.push(opening);
  }
  const more = openings.map((opening, round) => opening - bares[round]!);
  const ratios = bares.map((bare, round) => bare / openings[round]!);
  return {
    runtime,
    group: "start",
    name: "import, load, first open",
    ns: median(openings) * 1e6,
    moreMs: median(more),
    comparisons: [{
      peer: "the bare runtime",
      peerNs: median(bares) * 1e6,
      ratio: median(ratios),
      least: Math.min(...ratios),
      most: Math.max(...ratios),
      best: Math.min(...bares) / Math.min(...openings),
    }],
  };
}

function milliseconds([program = "", ...flags]: readonly string[], file: string): number {
  const begin = performance.now();
  execFileSync(program, [...flags, file]);
  return performance.now() - begin;
}
