/**
 * Runs the benchmarks in Deno and in Bun and prints ratios: nanoseconds change from machine to machine, ratios of one run much less.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const bin = (name: string) => `${root}node_modules/.bin/${name}`;
const folder = mkdtempSync("/dev/shm/daxfile-bench-");
const runtimes: Record<string, string[]> = {
  Deno: [bin("deno"), "run", "--no-check", "-A"],
  Bun: [bin("bun"), "run"],
};

try {
  persist();
  start();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** One 8-byte persist against the native loop. */
function persist(): void {
  const library = `${folder}/native.so`;
  const options = [
    "-dynamic",
    "-O",
    "ReleaseFast",
    "-fstrip",
    "-target",
    "x86_64-linux",
    `-femit-bin=${library}`,
  ];
  execFileSync(bin("zig"), ["build-lib", ...options, `${root}bench/native.zig`], {
    cwd: folder,
    stdio: "inherit",
  });
  console.log(
    "8 bytes, one line of tmpfs forced to cache-line; time over the native loop's, median of 15 rounds",
  );
  for (const [name, command] of Object.entries(runtimes)) {
    const text = run([...command, `${root}bench/persist.ts`, library, `${folder}/${name}.dax`]);
    const result = JSON.parse(text) as Record<
      string,
      { ns: number; ratio: number; least: number; most: number }
    >;
    for (const [side, { ns, ratio, least, most }] of Object.entries(result)) {
      const spread = `${least.toFixed(3)} … ${most.toFixed(3)}`;
      console.log(
        `${name.padEnd(5)} ${side.padEnd(20)} ${ratio.toFixed(3)}×  (${spread})  ${ns.toFixed(0)} ns`,
      );
    }
  }
}

/** What importing, loading and the first open add to the bare runtime's start. */
function start(): void {
  writeFileSync(`${folder}/bare.ts`, "console.log(1);\n");
  writeFileSync(
    `${folder}/open.ts`,
    `import { open } from "${root}mod.ts";\nopen("${folder}/start.dax", { create: true, size: 4096 }).close();\nconsole.log(1);\n`,
  );
  console.log(
    "start, import, load and first open; milliseconds over a program that does nothing, median of 15",
  );
  for (const [name, command] of Object.entries(runtimes)) {
    const more: number[] = [], bares: number[] = [];
    for (let round = -2; round < 15; round++) {
      const bare = time(() => run([...command, `${folder}/bare.ts`]));
      const opening = time(() => run([...command, `${folder}/open.ts`]));
      if (round < 0) continue;
      bares.push(bare);
      more.push(opening - bare);
    }
    console.log(`${name.padEnd(5)} + ${median(more).toFixed(1)} ms over ${median(bares).toFixed(1)} ms`);
  }
}

function run([command, ...parameters]: string[]): string {
  return execFileSync(command!, parameters, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
}

function time(body: () => void): number {
  const begin = performance.now();
  body();
  return performance.now() - begin;
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
