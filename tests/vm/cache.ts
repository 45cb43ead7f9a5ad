// A cache of things that take long to make, outside the checkout. An entry's name holds a hash of all that went into
// it, so nothing is ever stale; an entry appears whole or not at all, so parallel runs need no lock.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const keptDays = 30;

/** The cache's folder, created if it is not there. */
export function cacheFolder(): string {
  const folder = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "daxfile", "vm");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * The folder made earlier from the same inputs, or a new one.
 *
 * @param kind what it is, in a word: the start of its name
 * @param inputs everything that the content depends on
 * @param build fills a folder; if it throws, nothing is kept
 */
export function cached(
  kind: string,
  inputs: readonly (string | Uint8Array)[],
  build: (folder: string) => void,
): string {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(`${input.length}\n`).update(input);
  const folder = join(cacheFolder(), `${kind}-${hash.digest("hex").slice(0, 20)}`);
  if (!existsSync(folder)) make(folder, build);
  const now = new Date();
  utimesSync(folder, now, now);
  return folder;
}

function make(folder: string, build: (folder: string) => void): void {
  const unfinished = mkdtempSync(`${folder}.`);
  try {
    build(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // A run beside this one may have been faster: its entry has the same content.
    if (!existsSync(folder)) throw error;
  }
  forgetOld();
}

/** Removes what no run has used for a month, and what a killed run left unfinished. */
function forgetOld(): void {
  const oldest = Date.now() - keptDays * 24 * 3600 * 1000;
  for (const name of readdirSync(cacheFolder())) {
    const path = join(cacheFolder(), name);
    const entry = statSync(path, { throwIfNoEntry: false });
    if (entry && entry.mtimeMs < oldest) rmSync(path, { recursive: true, force: true });
  }
}
