// One guest that runs a machine's tests, from boot to power-off; the results of each runtime are reported as they come in.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeDevices } from "./devices.ts";
import type { Machine } from "./machines.ts";
import { type Guest, sharedFolder, startGuest } from "./qemu.ts";
import { collect, type FileResult } from "./results.ts";
import { makeRunFolder } from "./run_folder.ts";

/** What all guests of a run have in common. */
export interface RunOptions {
  /** What is tested; the guest sees it at the same path. */
  checkout: string;
  /** A runtime's name to its program's path. */
  runtimes: ReadonlyMap<string, string>;
  /** The test files' modules, translated and at hand. */
  denoCache: string;
  /** Programs that tests ask for; the guest finds them in DAXFILE_TEST_PROGRAMS. */
  programs?: readonly string[];
  kernel: string;
  initramfs: string;
  accelerator: string;
  timeoutSeconds: number;
  /** Whether images are kept. */
  keep: boolean;
}

/** A guest that runs tests. */
export interface TestGuest extends Guest {
  /** Everything that it printed. */
  readonly consolePath: string;
}

/**
 * Called with the results of all files of the machine under one runtime, and with the seconds after boot from which and to which they
 * ran, where the guest came to say them.
 */
export type Report = (
  machine: string,
  runtime: string,
  results: readonly FileResult[],
  seconds: readonly number[],
) => void;

/**
 * Boots a guest that prepares a machine and runs these files there.
 *
 * @param folder an empty folder for all that belongs to this guest, inside the run's
 */
export function startTests(
  folder: string,
  machine: Machine,
  files: readonly string[],
  processors: number,
  options: RunOptions,
  report: Report,
): TestGuest {
  const [images, shared, consolePath] = [
    join(folder, "images"),
    join(folder, "shared"),
    join(folder, "console.log"),
  ];
  mkdirSync(images);
  const devices = makeDevices([machine], images);
  makeRunFolder(shared, devices.table, new Map([[machine.name, [...files]]]), options);

  const waiting = new Set(options.runtimes.keys());
  const settle = (job: string) => {
    const [runtime = "", ...seconds] = job.split(" ");
    if (waiting.delete(runtime)) {
      const results = collect(join(shared, "results"), machine.name, runtime, files);
      report(machine.name, runtime, results, seconds.map(Number));
    }
  };

  let ended = false;
  let trouble: string | undefined;
  const guest = startGuest({
    ...options,
    kernelParameters: devices.kernelParameters,
    args: [...devices.args, ...sharedFolder("host", "/", true), ...sharedFolder("run", shared, false)],
    processors,
    consolePath,
    ...(options.keep ? {} : { folderToRemove: dirname(folder) }),
    onTell: (words) => {
      if (words.startsWith("done ")) settle(words.slice("done ".length));
      if (words.startsWith("trouble: ")) trouble ??= words.slice("trouble: ".length);
      if (words === "finished") ended = true;
    },
  });
  const finished = guest.finished.then((killed) => {
    for (const job of [...waiting]) settle(job);
    return killed ?? trouble ?? (ended ? undefined : "the guest ended before its tests did");
  });
  return { finished, consolePath, stop: guest.stop };
}
