/** Builds the tracer and runs a program under it, or runs one whose library writes a journal. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { x86_64 } from "../../ffi/embedded/x86_64.ts";
import { executable, root } from "../helpers/child.ts";
import { exportsOf } from "../helpers/elf.ts";
import { disk } from "../helpers/places.ts";
import { cached } from "../vm/cache.ts";
import { run, zig } from "./command.ts";
import { type NativeTrace, parse } from "./events.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The tracer's program, built once for its sources. */
export function tracer(): string {
  if (process.arch !== "x64") throw new Error(`The tracer reads x86-64 code, and this is ${process.arch}`);
  const sources = ["tracer.zig", "decode.zig"].map((name) => readFileSync(here(name)));
  return cached("tracer", sources, (folder) => {
    execFileSync(zig, [
      "build-exe",
      here("tracer.zig"),
      `-femit-bin=${folder}/tracer`,
    ], {
      stdio: "pipe",
      cwd: folder,
    });
  }) + "/tracer";
}

/**
 * Runs program.ts in a runtime and gives what its library did: the embedded one, or the one at a path.
 *
 * @param names the phases; all by default
 * @param checkout where program.ts and what it imports lie
 * @throws {Error} if this system lets no process be traced, or the program fails
 */
export async function traced(
  runtime: "deno" | "bun",
  override?: string,
  names: readonly string[] = [],
  checkout = root,
): Promise<NativeTrace[]> {
  const bytes = override === undefined
    ? Uint8Array.fromBase64(x86_64)
    : new Uint8Array(readFileSync(override));
  const breakpoints = Array.from(exportsOf(bytes), ([name, offset]) => `${name}=${offset}`);
  return await followed(
    (output) => [tracer(), output, override ?? "memfd:daxfile", ...breakpoints, "--"],
    program(runtime, checkout, names),
    { DAXFILE_LIBRARY: override ?? "", DAXFILE_TRACED: "1" },
  );
}

/** The same of a library that writes down itself what it does (instrument.ts), which takes a twentieth of the time. */
export function journaled(
  runtime: "deno" | "bun",
  library: string,
  names: readonly string[] = [],
  checkout = root,
): Promise<NativeTrace[]> {
  return followed(
    (output) => ["/bin/sh", "-c", 'exec "$@" 3>"$0"', output],
    program(runtime, checkout, names),
    { DAXFILE_LIBRARY: library, DAXFILE_TRACED: "" },
  );
}

/** The command of program.ts, which takes a directory and the names of phases. */
function program(runtime: "deno" | "bun", checkout: string, names: readonly string[]) {
  const options = runtime === "deno" ? ["run", "--allow-all", "--no-check", "--quiet"] : [];
  const path = `${checkout}tests/trace/program.ts`;
  return (directory: string) => [executable(runtime), ...options, path, directory, ...names];
}

/** Runs a program behind a command that makes it write to a file, and reads that. */
async function followed(
  by: (output: string) => readonly string[],
  program: (directory: string) => readonly string[],
  env: Record<string, string>,
): Promise<NativeTrace[]> {
  using place = disk();
  const folder = mkdtempSync(`${tmpdir()}/daxfile-trace-`);
  try {
    const output = `${folder}/trace`;
    const [command, ...parameters] = [...by(output), ...program(place.directory)];
    const { status, output: said } = await run(command!, parameters, { env: { NO_COLOR: "1", ...env } });
    if (status !== 0) throw new Error(`The traced program ended with ${status}: ${said}`);
    return parse(readFileSync(output, "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
