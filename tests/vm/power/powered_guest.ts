// A guest whose machines write for ever, and the two ways to cut its power.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { cacheFolder } from "../cache.ts";
import { type Devices, makeDevices } from "../devices.ts";
import { type Machine, machinesNamed } from "../machines.ts";
import { type Guest, sharedFolder, startGuest } from "../qemu.ts";
import { makeRunFolder } from "../run_folder.ts";
import type { KernelKind } from "../selection.ts";
import { checkAll } from "./check.ts";
import { copyImage, inside } from "./image.ts";
import { parts } from "./parts.ts";
import { Monitor } from "./qmp.ts";
import type { Tally } from "./tally.ts";

/** Which runtime writes on which machines, all in one guest with this kernel. */
export interface Bench {
  runtime: "deno" | "bun";
  kernel: KernelKind;
  machines: readonly string[];
}

/** What all guests have in common. */
export interface Setup {
  checkout: string;
  /** What boots, by the kind of kernel. */
  boots: Readonly<Record<KernelKind, { readonly kernel: string; readonly initramfs: string }>>;
  /** For images, consoles and logs. */
  folder: string;
}

/** A boot that takes longer has gone wrong, on a busy host too. */
const bootSeconds = 300;

/** The longest time between two cuts, in milliseconds. */
const pauseMs = 300;

/** The guest, its images and its acknowledgements. */
export class PoweredGuest {
  readonly #bench: Bench;
  readonly #setup: Setup;
  readonly #tally: Tally;
  readonly #machines: Machine[];
  readonly #devices: Devices;
  readonly #folder: string;
  readonly #shared: string;
  #guest: Guest | undefined;
  #monitor: Monitor | undefined;
  /** What a writer or the guest's script complained of. */
  #trouble: Error | undefined;
  #boots = 0;
  #looks = 0;

  constructor(bench: Bench, setup: Setup, tally: Tally) {
    this.#bench = bench;
    this.#setup = setup;
    this.#tally = tally;
    this.#machines = machinesNamed(bench.machines);
    this.#folder = join(setup.folder, `${bench.runtime}.${bench.kernel}`);
    this.#shared = join(this.#folder, "shared");
    mkdirSync(join(this.#folder, "images"), { recursive: true });
    this.#devices = makeDevices(this.#machines, join(this.#folder, "images"));
    makeRunFolder(this.#shared, this.#devices.table, new Map(), {
      ...setup.boots[bench.kernel],
      ...{ checkout: setup.checkout, accelerator: "tcg", timeoutSeconds: 3600, keep: true },
      ...{ runtimes: new Map(), programs: [] },
      denoCache: this.#translate(),
    });
    copyFileSync(join(import.meta.dirname ?? "", "guest.sh"), join(this.#shared, "run.sh"));
    writeFileSync(join(this.#shared, "writer"), `exec ${this.#command()} tests/vm/power/writer.ts "$@"\n`);
  }

  #command(): string {
    const program = join(this.#setup.checkout, "node_modules", ".bin", this.#bench.runtime);
    const path = spawnSync("readlink", ["-f", program], { encoding: "utf8" }).stdout.trim();
    return this.#bench.runtime === "deno" ? `${path} run -A --no-check --cached-only` : path;
  }

  /** There is no network in a guest: what Deno imports is translated before. */
  #translate(): string {
    const folder = join(cacheFolder(), "deno");
    mkdirSync(folder, { recursive: true });
    spawnSync(process.execPath, ["cache", "tests/vm/power/writer.ts"], {
      cwd: this.#setup.checkout,
      env: { ...process.env, DENO_DIR: folder },
    });
    return folder;
  }

  /** Boots, and waits until every machine's writer has looked at what the last cut left and writes on. */
  async boot(): Promise<void> {
    const socket = join(this.#folder, `monitor.${++this.#boots}`);
    const waiting = new Set(this.#bench.machines);
    const verdicts = new Map<string, string[]>();
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`The writers did not start in ${bootSeconds} s`)),
        bootSeconds * 1000,
      );
      this.#guest = startGuest({
        ...this.#setup.boots[this.#bench.kernel],
        kernelParameters: this.#devices.kernelParameters,
        args: [
          ...this.#devices.args,
          ...sharedFolder("host", "/", true),
          ...sharedFolder("run", this.#shared, false),
          ...["-qmp", `unix:${socket},server=on,wait=off`],
        ],
        ...{ processors: 2, accelerator: "tcg", timeoutSeconds: 3600, folderToRemove: this.#setup.folder },
        consolePath: join(this.#folder, `console.${this.#boots}.log`),
        onTell: (words) => {
          const [verb, machine = "", ...rest] = words.split(" ");
          if (verb === "trouble:") {
            clearTimeout(limit);
            this.#trouble = new Error(`${this.#bench.runtime}: ${words}`);
            reject(this.#trouble);
          }
          if (verb === "checked") verdicts.set(machine, [...verdicts.get(machine) ?? [], rest.join(" ")]);
          if (verb === "writing" && waiting.delete(machine) && waiting.size === 0) {
            clearTimeout(limit);
            resolve();
          }
        },
      });
    });
    if (this.#boots > 1) {
      for (const machine of this.#bench.machines) {
        this.#tally.look("boot", this.#label(machine), verdicts.get(machine) ?? []);
      }
    }
    this.#monitor = await Monitor.open(socket);
  }

  /**
   * Copies the machine's memory at a moment, and looks into the copy; at another moment if a file system was cut in the middle of a
   * block of its own.
   */
  async cut(): Promise<void> {
    let acknowledged: readonly Float64Array[];
    do {
      await wait(Math.random() * pauseMs);
      if (this.#trouble) throw this.#trouble;
      await this.#monitor!.pause();
      acknowledged = this.#copy();
      await this.#monitor!.resume();
    } while (!this.#look("copy", acknowledged));
  }

  /**
   * Kills the machine at a moment, and looks into a copy of its memory; not before each part has acknowledged a step. It is held before,
   * as nobody could go on from a moment at which a file system of its has torn a block of its own: that is another moment then.
   */
  async kill(): Promise<void> {
    for (;;) {
      await wait(500 + Math.random() * 2000);
      if (this.#trouble) throw this.#trouble;
      await this.#monitor!.pause();
      const acknowledged = this.#copy();
      const isWhole = this.#look("copy", acknowledged);
      if (isWhole && acknowledged.every((parts) => parts.every((steps) => steps > 0))) break;
      await this.#monitor!.resume();
    }
    this.#guest!.stop("the power was cut");
    await this.#guest!.finished;
    this.#monitor?.[Symbol.dispose]();
    this.#look("kill", this.#copy());
  }

  /** Copies what there is of every machine at this moment. @returns what each one's writer has acknowledged */
  #copy(): Float64Array[] {
    for (const machine of this.#machines) copyImage(this.#image(machine), `${this.#image(machine)}.cut`);
    return this.#machines.map((machine) => this.#acknowledged(machine));
  }

  /** Looks into the copies. @returns whether every file system could be looked into */
  #look(kind: "copy" | "kill", acknowledged: readonly Float64Array[]): boolean {
    this.#looks++;
    let isWhole = true;
    for (const [index, machine] of this.#machines.entries()) {
      const image = `${this.#image(machine)}.cut`;
      const verdicts = inside(
        machine,
        image,
        join(this.#folder, "mnt", `${machine.name}.${this.#looks}`),
        (folder) => checkAll(machine.name, folder, acknowledged[index]!),
      );
      if (verdicts) this.#tally.look(kind, this.#label(machine.name), verdicts);
      else {
        this.#tally.torn(this.#label(machine.name));
        isWhole = false;
      }
      rmSync(image);
    }
    return isWhole;
  }

  /** What a machine is called in the results. */
  #label(machine: string): string {
    return this.#bench.kernel === "daxctl" ? `${machine}, our kernel` : machine;
  }

  #image(machine: Machine): string {
    return join(this.#folder, "images", `${machine.name}.img`);
  }

  /** What the writer has acknowledged so far, by part. */
  #acknowledged({ name }: Machine): Float64Array {
    const path = join(this.#shared, `acknowledged.${name}`);
    if (!existsSync(path)) return new Float64Array(Object.keys(parts[name] ?? {}).length);
    const bytes = readFileSync(path);
    return new Float64Array(bytes.slice().buffer, 0, Object.keys(parts[name] ?? {}).length);
  }

  /** Ends the guest, and counts what it acknowledged. */
  async end(): Promise<void> {
    this.#monitor?.[Symbol.dispose]();
    this.#guest?.stop("the run is over");
    await this.#guest?.finished;
    for (const machine of this.#machines) {
      const names = Object.keys(parts[machine.name] ?? {});
      this.#tally.steps(
        `${this.#bench.runtime} on ${this.#label(machine.name)}`,
        names,
        this.#acknowledged(machine),
      );
    }
  }
}
