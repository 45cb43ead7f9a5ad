// The folder that a guest shares with the harness: what guest/run.sh and guest/machine.sh read, and a place for results.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import type { RunOptions } from "./guest.ts";
import type { Selection } from "./selection.ts";

/**
 * Fills a new folder.
 *
 * @param table the machines, as devices.ts writes them
 */
export function makeRunFolder(
  folder: string,
  table: string,
  selection: Selection,
  options: RunOptions,
): void {
  for (const name of ["", "files", "results", "programs"]) mkdirSync(join(folder, name));
  for (const script of ["run.sh", "machine.sh"]) {
    copyFileSync(join(import.meta.dirname ?? "", "guest", script), join(folder, script));
  }
  for (const path of options.programs ?? []) copyFileSync(path, join(folder, "programs", basename(path)));
  writeFileSync(join(folder, "machines"), table);
  for (const [machine, files] of selection) {
    writeFileSync(join(folder, "files", machine), lines(files.map((file) => `./${file}`)));
  }
  writeFileSync(join(folder, "settings"), lines(settings(options)));
  writeFileSync(join(folder, "places"), lines(hiddenPlaces(options)));
}

function settings(options: RunOptions): string[] {
  const values: [string, string][] = [
    ["CHECKOUT", options.checkout],
    ["DENO_CACHE", options.denoCache],
    ["RUNTIMES", [...options.runtimes.keys()].join("\n")],
    // A quarter, so that a file which hangs leaves time for the others.
    ["export DAXFILE_TEST_PROGRAMS", "/run/daxfile/programs"],
    ["LIMIT", String(Math.ceil(options.timeoutSeconds / 4))],
    ...[...options.runtimes].map(([name, program]): [string, string] => [name.toUpperCase(), program]),
    // The library's own variables reach the tests; which machine it is, the guest says.
    ...Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
      name.startsWith("DAXFILE_") && !name.startsWith("DAXFILE_TEST_")
        ? [[`export ${name}`, value ?? ""]]
        : []
    ),
  ];
  return values.map(([name, value]) => `${name}='${value.replaceAll("'", `'\\''`)}'`);
}

/** The guest has memory of its own at some places; what the tests need of the host below them must be shown again. */
function hiddenPlaces({ checkout, denoCache, runtimes }: RunOptions): string[] {
  const needed = [checkout, denoCache, ...[...runtimes.values()].map((program) => dirname(program))];
  return [...new Set(needed.filter((path) => /^\/(tmp|run|mnt)\//.test(path)))];
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
