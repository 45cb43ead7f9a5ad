/**
 * Makes requests of daxctl for a program that is not in TypeScript (kernel/conformance, --through): a line "FLAGS ALIGN PATH" in,
 * a line with the result or minus an errno out. What the library throws as a mistake of the caller's is EINVAL to it.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { daxctl, DaxError } from "../../mod.ts";

function answer(line: string): number {
  const [, flags, align, path] = /^(-?\d+) (-?\d+) (.*)$/.exec(line) ?? [];
  if (path === undefined) throw new Error(`not a request: ${line}`);
  try {
    return daxctl(path, Number(flags), Number(align));
  } catch (error) {
    if (error instanceof DaxError) return -error.errno;
    if (error instanceof RangeError || error instanceof TypeError) return -22;
    throw error;
  }
}

// Whoever asked was killed, as a process is that worked beside another
process.stdout.on("error", () => process.exit());

createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(`${answer(line)}\n`);
});
