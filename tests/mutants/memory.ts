/** Verdicts of earlier runs, kept outside the checkout by the hash of everything that they depend on. */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import process from "node:process";
import { root } from "../helpers/child.ts";

const folder = `${process.env["XDG_CACHE_HOME"] || `${homedir()}/.cache`}/daxfile/mutants`;

/** Whatever can change a verdict beside the mutant: the code under it and the code that judges it. */
const context = contextHash([
  "src",
  "ffi",
  "zig",
  "tests/trace",
  "tests/mutants",
  "tests/helpers",
  "package-lock.json",
]);

/** What was found out for these inputs before, or what the body finds out now. */
export async function remembered<T>(inputs: readonly string[], body: () => Promise<T>): Promise<T> {
  const hash = createHash("sha256").update(context);
  for (const input of inputs) hash.update(`\n${input.length}\n`).update(input);
  const name = hash.digest("hex").slice(0, 24), path = `${folder}/${name.slice(0, 2)}/${name}.json`;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    const found = await body();
    mkdirSync(`${folder}/${name.slice(0, 2)}`, { recursive: true });
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(found));
    renameSync(`${path}.${process.pid}`, path);
    return found;
  }
}

function contextHash(parts: readonly string[]): string {
  const hash = createHash("sha256");
  const add = (path: string) => {
    if (statSync(`${root}${path}`).isDirectory()) {
      for (const name of readdirSync(`${root}${path}`).sort()) {
        if (!/^\.|^zig-out$|^cli$|_test\.ts$/.test(name)) add(`${path}/${name}`);
      }
    } else hash.update(`${path}\n`).update(readFileSync(`${root}${path}`));
  };
  for (const part of parts) add(part);
  return hash.digest("hex");
}
