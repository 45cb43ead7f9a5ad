/**
 * What importing, loading the library and the first open add to the bare runtime: to its start in time, and to its own memory.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { median } from "./measure.ts";
import { isWanted, type Launch } from "./place.ts";
import type { Added } from "./results.ts";

const warmUps = 2;

/** About as many modules as ours. */
const emptyModules = 50;

/** Prints the process's own memory in KiB: what no file stands behind. */
const printMemory = `import { readFileSync } from "node:fs";
console.log(/RssAnon:\\s*(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
`;

/** Starts a program that does nothing and one that opens a file, in turn; by the clock, and by what they say of their memory. */
export function startResults(launch: Launch): Added[] {
  const { root, memory, isShort, only } = launch;
  const opening = (file: string, size: number) =>
    `import { open } from "${root}mod.ts";\nconst file = open("${memory}/${file}", { create: true, size: ${size} });\n`;
  const time = (file: string) => {
    const begin = performance.now();
    run(launch, file);
    return performance.now() - begin;
  };
  const bare = "console.log(1);\n", more = opening("start.dax", 4096) + "file.close();\nconsole.log(1);\n";
  const start = { group: "start", unit: "ms", bare, more, rounds: 15, figure: time } as const;
  const pairs = [
    { ...start, name: "import, load, first open", limit: 15 },
    { ...start, name: "the same, bundled", isBundled: true },
    {
      ...start,
      name: `import of ${emptyModules} modules with nothing in them`,
      more: bare + importsOfNothing(memory),
    },
    {
      ...start,
      name: "load of one function of the C library, nothing of ours",
      more: launch.runtime === "Deno"
        ? `Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } });\n${bare}`
        : `import { dlopen } from "bun:ffi";\ndlopen("libc.so.6", { getpid: { args: [], returns: "i32" } });\n${bare}`,
    },
    {
      group: "memory",
      name: "import, load, a file of 1 GiB open",
      unit: "KiB",
      bare: printMemory,
      more: opening("memory.dax", 2 ** 30) + printMemory + "file.close();\n",
      rounds: isShort ? 3 : 9,
      figure: (file: string) => Number(run(launch, file)),
    },
  ] as const;
  const wanted = pairs.filter((pair) =>
    // What shows where the time goes is for the page, not for what a short run judges
    isWanted(only, pair.group, pair.name) && !(isShort && pair.group === "start" && !("limit" in pair))
  );
  return wanted.map((pair): Added => {
    const { group, name, unit, rounds, figure } = pair;
    const files = { bare: `${memory}/${group}.bare.ts`, more: `${memory}/${group}.more.ts` };
    writeFileSync(files.bare, pair.bare);
    writeFileSync(files.more, pair.more);
    if ("isBundled" in pair) files.more = bundled(launch, files.more);
    const bares: number[] = [], mores: number[] = [];
    for (let round = -warmUps; round < rounds; round++) {
      const bare = figure(files.bare), more = figure(files.more);
      if (round < 0) continue;
      bares.push(bare);
      mores.push(more);
    }
    const differences = mores.map((more, round) => more - bares[round]!);
    return {
      runtime: launch.runtime,
      group,
      name,
      unit,
      than: "the bare runtime",
      more: median(differences),
      least: Math.min(...differences),
      most: Math.max(...differences),
      ...("limit" in pair ? { limit: pair.limit } : {}),
    };
  });
}

/** Writes modules that hold nothing, and gives the text that imports them. */
function importsOfNothing(folder: string): string {
  const files = Array.from({ length: emptyModules }, (_, number) => `${folder}/start.empty.${number}.ts`);
  for (const file of files) writeFileSync(file, "export {};\n");
  return files.map((file) => `import "${file}";\n`).join("");
}

/** The same program as one file, made by the runtime's own bundler. */
function bundled({ runtime, command: [program] }: Launch, file: string): string {
  const out = `${file}.js`;
  const flags = runtime === "Deno"
    ? ["bundle", "--quiet", "--output", out]
    : ["build", "--target=bun", "--outfile", out];
  execFileSync(program, [...flags, file], { stdio: ["ignore", "ignore", "inherit"] });
  return out;
}

function run({ command: [program, ...flags] }: Launch, file: string): string {
  return execFileSync(program, [...flags, file], { encoding: "utf8" });
}
