/** Builds the native library from sources that may have been changed, exactly as zig/build.zig builds the one that is shipped. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { root } from "../helpers/child.ts";
import { run, zig } from "./command.ts";

/** The sources of zig/, by their names. */
export function sources(): Map<string, string> {
  const names = readdirSync(`${root}zig`).filter((name) => name.endsWith(".zig"));
  return new Map(names.map((name) => [name, readFileSync(`${root}zig/${name}`, "utf8")]));
}

/** What build.zig sets for the shipped library; a test compares the bytes. */
const options = [
  "-dynamic",
  "-O",
  "ReleaseSmall",
  "-mcpu",
  "baseline",
  "-fstrip",
  "-fomit-frame-pointer",
  "-fno-unwind-tables",
  "-fno-error-tracing",
  "-fno-single-threaded",
  "-fPIC",
  "-fllvm",
  "-flld",
  "--gc-sections",
  "-z",
  "defs",
  "--build-id=none",
];

/** The library's bytes, or what the compiler says where it refuses. */
export function build(
  from: ReadonlyMap<string, string>,
  arch: Architecture,
): Promise<Uint8Array<ArrayBuffer> | string> {
  return make(from, arch, ["root.zig", ...options, "-femit-bin=out"]);
}

/** The assembly of the library for x86-64, of which a test makes the very library; undefined where the compiler refuses. */
export async function assembly(from: ReadonlyMap<string, string>): Promise<string | undefined> {
  const made = await make(from, "x86_64", ["root.zig", ...options, "-fno-emit-bin", "-femit-asm=out"]);
  return typeof made === "string" ? undefined : new TextDecoder().decode(made);
}

/**
 * The library of an assembly, linked as the compiler links it.
 *
 * @param objects paths of what else goes into it
 * @throws {Error} if it is none
 */
export async function assembled(
  assembly: string,
  objects: readonly string[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  const linking = ["-dynamic", "-fstrip", "-fno-compiler-rt", ...options.slice(options.indexOf("-flld"))];
  const made = await make(new Map([["library.s", assembly]]), "x86_64", [
    "library.s",
    ...objects,
    ...linking,
    "-femit-bin=out",
  ]);
  if (typeof made === "string") throw new Error(made);
  return made;
}

type Architecture = "x86_64" | "aarch64";

/** The bytes of the file `out`, which the compiler makes of some files, or what it says. */
async function make(
  files: ReadonlyMap<string, string>,
  arch: Architecture,
  how: readonly string[],
): Promise<Uint8Array<ArrayBuffer> | string> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-library-`);
  try {
    for (const [name, text] of files) writeFileSync(`${folder}/${name}`, text);
    // What is remembered of these files goes with them; what the compiler brings itself is made once, in its global cache
    const target = [
      "-target",
      `${arch}-linux-none`,
      "--name",
      `daxfile-${arch}`,
      "--cache-dir",
      ".zig-cache",
    ];
    const { status, output } = await run(zig, ["build-lib", ...how, ...target], { cwd: folder });
    return status === 0 ? new Uint8Array(readFileSync(`${folder}/out`)) : output;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
