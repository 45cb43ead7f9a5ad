/**
 * Builds the native libraries and writes them beside this file as base64; with `--check` compares instead, byte for byte.
 *
 * Base64 in a module and not a file beside it: a module that came over https has no file beside it, and `deno publish` refuses
 * imports of bytes.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The most that a library may take, in bytes. */
const limitBytes = 16 * 1024;

const check = process.argv.includes("--check");
const root = new URL("../../", import.meta.url);
const file = (path: string) => fileURLToPath(new URL(path, root));

execFileSync(file("node_modules/.bin/zig"), ["build"], { cwd: file("zig"), stdio: "inherit" });

let stale = 0;
for (const arch of ["x86_64", "aarch64"]) {
  const bytes = readFileSync(file(`zig/zig-out/lib/daxfile-${arch}.so`));
  const target = file(`ffi/embedded/${arch}.ts`);
  const text = `/** The native library for Linux on ${arch}, ${bytes.byteLength} bytes; made by build.ts from zig/. */
export const ${arch} =
  "${bytes.toString("base64")}";
`;
  if (bytes.byteLength > limitBytes) {
    throw new Error(`The library for ${arch} has ${bytes.byteLength} bytes; the limit is ${limitBytes}`);
  }
  if (!check) writeFileSync(target, text);
  const same = readFileSync(target, "utf8") === text;
  if (!same) stale++;
  console.log(`${arch}: ${bytes.byteLength} bytes${same ? "" : ", not what is embedded: run deno task build"}`);
}
process.exitCode = stale === 0 ? 0 : 1;
