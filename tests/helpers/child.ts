/**
 * A program in a process of its own, in this runtime or in the other one: for what ends a process, holds a lock or needs other
 * permissions.
 */

import { type ChildProcess, spawn, spawnSync, type StdioOptions } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { anywhere, type Place } from "./places.ts";

/** The top of the checkout. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url));

/** What this test runs in. */
export const here: "deno" | "bun" = "Bun" in globalThis ? "bun" : "deno";

/** What it does not run in. */
export const there: "deno" | "bun" = here === "deno" ? "bun" : "deno";

/**
 * Whether this runtime tries a case of many that are counted: each tries every second one. For simulations, in which nothing depends on
 * the runtime.
 */
export const isOwn = (index: number): boolean => index % 2 === (here === "deno" ? 0 : 1);

/** How a program is run. */
export interface ChildOptions {
  runtime?: "deno" | "bun";
  /** Deno's permissions; default all. */
  permissions?: readonly string[];
  /** Flags of the runtime. */
  flags?: readonly string[];
  /** A command that runs the command after it. */
  prefix?: readonly string[];
  env?: Record<string, string>;
}

/** What became of it. */
export interface Ending {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. `@daxfile/daxfile` in it is this checkout. */
export function runChild(code: string, options: ChildOptions = {}): Ending {
  using place = anywhere();
  const [command, parameters, env] = commandOf(place, code, options);
  const { status, signal, stdout, stderr } = spawnSync(command, parameters, { env, encoding: "utf8" });
  return { status, signal, stdout, stderr };
}

/** Runs a program to its end and gives what it printed as JSON; whatever else it does is an error. */
export function askChild<T>(code: string, options: ChildOptions = {}): T {
  const { status, signal, stdout, stderr } = runChild(code, options);
  if (status !== 0) throw new Error(`The child ended with ${status ?? signal}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}

/** A program that runs beside the test; killed when the block ends. */
export interface RunningChild extends AsyncDisposable {
  readonly pid: number;
  /** The next line that it prints; an error if it ends first. */
  line(): Promise<string>;
  send(line: string): void;
  kill(): void;
  readonly ended: Promise<Ending>;
}

/** In a virtual machine a test is held to one processor (vm/guest/run.sh); what is to run beside it takes a second, if there is one. */
const bothProcessors = process.env["DAXFILE_TEST_MACHINE"] === undefined ? [] : ["taskset", "3"];

/** Starts a program. */
export function startChild(code: string, options: ChildOptions = {}): RunningChild {
  const place = anywhere();
  const prefix = [...bothProcessors, ...options.prefix ?? []];
  const [command, parameters, env] = commandOf(place, code, { ...options, prefix });
  const stdio: StdioOptions = ["pipe", "pipe", "pipe"];
  const child: ChildProcess = spawn(command, parameters, { env, stdio });
  let stdout = "", stderr = "", taken = 0;
  let wake = () => {};
  child.stdout!.on("data", (data) => {
    stdout += String(data);
    wake();
  });
  child.stderr!.on("data", (data) => stderr += String(data));
  let over = false;
  const ended = new Promise<Ending>((resolve) => {
    child.on("close", (status, signal) => {
      over = true;
      place[Symbol.dispose]();
      resolve({ status, signal, stdout, stderr });
      wake();
    });
  });
  return {
    pid: child.pid!,
    ended,
    async line() {
      while (true) {
        const end = stdout.indexOf("\n", taken);
        if (end >= 0) {
          const line = stdout.slice(taken, end);
          taken = end + 1;
          return line;
        }
        if (over) throw new Error(`The child ended without a line more: ${stdout}${stderr}`);
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    send: (line) => void child.stdin!.write(`${line}\n`),
    kill: () => void child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      if (!over) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Points the package's name, and those of its parts, at this checkout. */
export function resolved(code: string): string {
  const { exports } = JSON.parse(readFileSync(`${root}deno.json`, "utf8")) as {
    exports: Record<string, string>;
  };
  return Object.entries(exports).reduce((text, [name, path]) => {
    const specifier = `@daxfile/daxfile${name.slice(1)}`;
    return text.replaceAll(`"${specifier}"`, JSON.stringify(new URL(path, `file://${root}`).href));
  }, code);
}

function commandOf(
  place: Place,
  code: string,
  { runtime = here, permissions = ["-A"], flags = [], prefix = [], env = {} }: ChildOptions,
): [string, string[], Record<string, string | undefined>] {
  const script = place.path("child.ts");
  writeFileSync(script, resolved(code));
  const deno = ["run", "--no-prompt", "--quiet", ...permissions, ...flags, script];
  // Under a name of its own: Deno rewrites the parameters of a child that is Deno, and gives it every permission
  const program = place.path(runtime);
  symlinkSync(executable(runtime), program);
  const command = [...prefix, program, ...(runtime === "deno" ? deno : [...flags, script])];
  return [command[0]!, command.slice(1), { ...process.env, NO_COLOR: "1", ...env }];
}

/** This runtime's own binary, and the other one's of the development packages, else of the PATH. */
export function executable(runtime: "deno" | "bun"): string {
  if (runtime === here) return process.execPath;
  const installed = `${root}node_modules/.bin/${runtime}`;
  return existsSync(installed) ? installed : runtime;
}

/**
 * Code for a child: `stopping(file)` is the file, and before and after each call that stores or writes back the child says so in a line
 * and waits for one.
 */
export const stoppingFile = `
  import { readSync } from "node:fs";
  const stop = (where) => {
    console.log(where);
    readSync(0, new Uint8Array(16));
  };
  const stopping = (file) => new Proxy(file, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (!/^(?:persist|flush|drain|writeRecord|commit|store64)$/.test(name)) return value.bind(target);
      return (...parameters) => {
        stop("before " + name);
        const result = value.apply(target, parameters);
        stop("after " + name);
        return result;
      };
    },
  });
`;
