// Runs tests inside machines with persistent memory: see README.md beside it.
import { spawnSync } from "node:child_process";
import { mkdirSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { installPackages } from "../helpers/install.ts";
import { cacheFolder } from "./cache.ts";
import { runGuests } from "./guests.ts";
import { initramfs } from "./initramfs.ts";
import { builtInKernel, debianKernel, ourKernel } from "./kernel.ts";
import { machines, machinesNamed } from "./machines.ts";
import { kernelPackage, requirePackages } from "./packages.ts";
import { program } from "./programs.ts";
import { allTests, type KernelKind, programsOf, select, type Selection, whyNone } from "./selection.ts";

const usage = `deno run -A tests/vm/run.ts [OPTIONS] [FILE …]

Runs test files inside machines with emulated persistent memory: all that carry a line "// machines: …", or these. With
Debian's kernel, or with --kernel and then those which also carry "// kernel: daxctl" or "// kernel: any".

  --machine NAME      only this machine; may be repeated
  --runtime NAME      only deno or only bun
  --exec COMMAND      a shell command on each machine in place of tests; its output is printed
  --kernel [IMAGE]    our own kernel (../../kernel), built if need be, or a bzImage with everything built in
  --accel NAME        QEMU's accelerator (default tcg; kvm where it works)
  --timeout SECONDS   time limit of each guest (default 2400); one process gets a quarter of it
  --install           install missing Debian packages (as with CI=true)
  --keep              keep images, output and console logs
  --list              say which machines there are, and which files run on them

Machines: ${machines.map((machine) => machine.name).join(" ")}`;

const checkout = realpathSync(join(import.meta.dirname ?? "", "..", ".."));

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2).flatMap(spelledOut),
    allowPositionals: true,
    options: {
      machine: { type: "string", multiple: true, default: [] },
      runtime: { type: "string", multiple: true, default: ["deno", "bun"] },
      exec: { type: "string" },
      kernel: { type: "string" },
      accel: { type: "string", default: "tcg" },
      timeout: { type: "string", default: "2400" },
      install: { type: "boolean", default: process.env["CI"] === "true" },
      keep: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return print(usage);
  const only = machinesNamed(values.machine);
  const kind: KernelKind = values.kernel === undefined ? "debian" : "daxctl";
  const selection: Selection = values.exec === undefined
    ? select(checkout, positionals, only, kind)
    : new Map((only.length > 0 ? only : machines).map(({ name }) => [name, ["exec"]]));
  if (values.list) {
    for (const { name, about } of machines) {
      print([`${name}: ${about}`, ...selection.get(name) ?? []].join("\n  "));
    }
    const none = [...allTests(checkout)].map(([file, source]) => ({ file, why: whyNone(source) }));
    return print(
      ["none:", ...none.filter(({ why }) => why).map(({ file, why }) => `${file}: ${why}`)].join("\n  "),
    );
  }
  const timeoutSeconds = Number(values.timeout);
  if (!(timeoutSeconds >= 10)) {
    throw new RangeError(`--timeout wants seconds, at least 10, not "${values.timeout}"`);
  }

  installPackages();
  requirePackages(values.install);
  const kernel = values.kernel === undefined
    ? debianKernel(kernelPackage())
    : values.kernel === ""
    ? ourKernel(values.install)
    : builtInKernel(resolve(values.kernel));
  const files = values.exec === undefined ? [...new Set([...selection.values()].flat())] : [];
  const runtimes = values.exec === undefined
    ? runtimePrograms(values.runtime)
    : new Map([["exec", values.exec]]);
  const isWell = await runGuests(selection, values.exec !== undefined, {
    checkout,
    runtimes,
    denoCache: translated(files),
    programs: programsOf(checkout, files).map((sources) => program(checkout, sources)),
    kernel: kernel.image,
    initramfs: initramfs(kernel.modules),
    accelerator: values.accel,
    timeoutSeconds,
    keep: values.keep,
  }, print);
  return isWell ? 0 : 1;
}

/** An argument as parseArgs wants it: --kernel without an image, which that does not know, becomes --kernel=. */
function spelledOut(argument: string, index: number, all: string[]): string[] {
  if (all[index - 1] === "--kernel" && isImage(argument)) return [];
  if (argument !== "--kernel") return [argument];
  const next = all[index + 1] ?? "";
  return [isImage(next) ? `--kernel=${next}` : "--kernel="];
}

/** Whether what follows --kernel belongs to it, rather than being an option or a test. */
function isImage(argument: string): boolean {
  return argument !== "" && !argument.startsWith("-") && !argument.endsWith("_test.ts");
}

/** The programs behind the names of runtimes. */
function runtimePrograms(names: readonly string[]): Map<string, string> {
  return new Map(names.map((name) => {
    if (name !== "deno" && name !== "bun") {
      throw new RangeError(`There is no runtime "${name}"; there are: deno bun`);
    }
    const local = join(checkout, "node_modules", ".bin", name);
    const found = spawnSync("sh", ["-c", `command -v '${local}' || command -v ${name}`], { encoding: "utf8" })
      .stdout.trim();
    if (!found) throw new Error(`${name} is neither in node_modules nor in PATH`);
    return [name, realpathSync(found)];
  }));
}

/** Deno's cache with these files and all that they import: there is no network in a guest, and little speed. */
function translated(files: readonly string[]): string {
  const folder = join(cacheFolder(), "deno");
  mkdirSync(folder, { recursive: true });
  // A file that does not load fails again in the guest, where it counts.
  spawnSync(process.execPath, ["cache", ...files], {
    cwd: checkout,
    env: { ...process.env, DENO_DIR: folder },
  });
  return folder;
}

function print(text: string): number {
  console.log(text);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
