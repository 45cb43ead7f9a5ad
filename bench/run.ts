/**
 * Measures daxfile against its peers, in Deno and in Bun, and prints ratios: nanoseconds change from machine to machine, ratios of
 * one run much less.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installPackages } from "../tests/helpers/install.ts";
import { isDisk } from "../tests/helpers/places.ts";
import { allocationResults } from "./allocation.ts";
import { type Group, groups } from "./groups.ts";
import { describeMachine } from "./machine.ts";
import { buildPeers, missingPackages } from "./peers/c.ts";
import type { Launch } from "./place.ts";
import { processResults } from "./processes.ts";
import { linesOf, verdictsOf } from "./report.ts";
import type { Measured } from "./results.ts";
import { sizeResults } from "./size.ts";
import { startResults } from "./start.ts";

const usage = `deno task bench [OPTIONS]

Every operation against its peers, in turn, in one process for each runtime; the medians of the rounds' ratios are printed. Needs
Debian's packages of PMDK and gcc.

  --short          small sizes and few rounds; fails if a ratio is so far off that an optimisation must be lost
  --only TEXT      only rows that have this in "group: name"
  --runtime NAME   only Deno or only Bun
  --disk FOLDER    a folder on the disk to measure on (default: one for temporary files)
  --write          put what was measured into docs/: performance.json, performance.md with its tables, the plots
  --install        install missing Debian packages (as with CI=true)`;

const root = fileURLToPath(new URL("../", import.meta.url));
const bin = (name: string) => `${root}node_modules/.bin/${name}`;
const runtimes: Readonly<Record<Launch["runtime"], Launch["command"]>> = {
  Deno: [bin("deno"), "run", "--no-check", "-A"],
  Bun: [bin("bun"), "run"],
};

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    runtime: { type: "string" },
    disk: { type: "string", default: [tmpdir(), "/var/tmp", root].find(isDisk) ?? tmpdir() },
    write: { type: "boolean", default: false },
    install: { type: "boolean", default: process.env["CI"] === "true" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(usage);
else {
  // By exit, which takes the folders away: Deno ends without it after an error that nobody catches
  await main().catch((error: Error) => {
    console.error(`bench: ${error.message}`);
    process.exit(1);
  });
}

async function main(): Promise<void> {
  const { runtime: only } = values;
  if (only !== undefined && !(only in runtimes)) {
    throw new RangeError(`There is no runtime "${only}"; there are: ${Object.keys(runtimes).join(" ")}`);
  }
  if (values.write && (values.short || values.only !== "" || only !== undefined)) {
    throw new RangeError("--write goes with a whole run: without --short, --only and --runtime");
  }
  installPackages();
  requirePackages();
  const memory = mkdtempSync("/dev/shm/daxfile-bench-"), disk = mkdtempSync(`${values.disk}/daxfile-bench-`);
  process.on(
    "exit",
    () => [memory, disk].forEach((folder) => rmSync(folder, { recursive: true, force: true })),
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
  if (!isDisk(disk)) {
    throw new Error(`${values.disk} is memory: name a folder on a disk with --disk`);
  }

  const library = `${memory}/peers.so`;
  buildPeers(library);
  const machine = describeMachine();
  console.log(machine);
  const all: Measured[] = [];
  for (const name of Object.keys(runtimes) as Launch["runtime"][]) {
    if (only === undefined || only === name) all.push(...await measureIn(name, library, memory, disk));
  }
  if (all.length === 0) throw new RangeError(`No row has "${values.only}" in "group: name"`);
  if (values.write) {
    // Not from the start: its plots need packages that may just have been installed
    const { writePages } = await import("./page.ts");
    await writePages(machine, all, `${root}docs`, bin("deno"));
  }
  const verdicts = verdictsOf(all);
  console.log();
  for (const line of verdicts.missed) console.log(line);
  if (!values.short) return;
  for (const line of verdicts.lost) console.log(`FAIL ${line}`);
  console.log(`${verdicts.judged - verdicts.lost.length} passed, ${verdicts.lost.length} failed`);
  process.exitCode = verdicts.lost.length > 0 || verdicts.judged === 0 ? 1 : 0;
}

/** Everything in one runtime, printed group by group. */
async function measureIn(
  runtime: Launch["runtime"],
  library: string,
  memory: string,
  disk: string,
): Promise<Measured[]> {
  const command = runtimes[runtime], [program, ...flags] = command;
  const folders = [`${memory}/${runtime}`, `${disk}/${runtime}`];
  for (const folder of folders) mkdirSync(folder);
  const text = execFileSync(program, [
    ...flags,
    `${root}bench/suite.ts`,
    library,
    ...folders,
    values.only,
    values.short ? "short" : "long",
  ], {
    encoding: "utf8",
    // libpmem takes tmpfs for persistent memory, as forceGranularity tells us to
    env: { ...process.env, NO_COLOR: "1", PMEM_IS_PMEM_FORCE: "1" },
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  const measured = text.trim().split("\n").filter(Boolean).map((line): Measured => ({
    runtime,
    ...JSON.parse(line),
  }));
  for (const folder of folders) rmSync(folder, { recursive: true });
  mkdirSync(folders[0]!);
  const launch: Launch = {
    runtime,
    command,
    root,
    memory: folders[0]!,
    isShort: values.short,
    only: values.only,
  };
  measured.push(
    ...await processResults(launch),
    ...startResults(launch),
    ...allocationResults(launch),
    ...sizeResults(launch),
  );
  rmSync(folders[0]!, { recursive: true });
  for (const group of Object.keys(groups) as Group[]) {
    const lines = measured.filter((result) => result.group === group).flatMap(linesOf);
    if (lines.length > 0) console.log([`\n${group}: ${groups[group]}`, ...lines].join("\n"));
  }
  return measured;
}

function requirePackages(): void {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const line = `apt-get install --yes --no-install-recommends ${missing.join(" ")}`;
  if (!values.install) {
    throw new Error(`Debian packages are missing; install them, or add --install:\n  ${line}`);
  }
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const step of ["apt-get update", line]) {
    execFileSync("sh", ["-c", step], { stdio: "inherit", env: environment });
  }
}
