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
export async function build(
  from: ReadonlyMap<string, string>,
  arch: "x86_64" | "aarch64",
): Promise<Uint8Array<ArrayBuffer> | string> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-library-`);
  try {
    for (const [name, text] of from) writeFileSync(`${folder}/${name}`, text);
    const { status, output } = await run(zig, [
      "build-lib",
      "root.zig",
      ...options,
      ...["-target", `${arch}-linux-none`, "--name", `daxfile-${arch}`, "-femit-bin=library.so"],
    ], { cwd: folder });
    return status === 0 ? new Uint8Array(readFileSync(`${folder}/library.so`)) : output;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
