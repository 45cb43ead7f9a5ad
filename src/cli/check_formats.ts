/**
 * The formats that `daxfile check` and `daxfile dump` know, by the first eight bytes of a file. A format more is a line more here.
 *
 * @module
 */

import { CorruptionError, type DaxFile, open } from "../../mod.ts";
import { checkLog, dumpLog } from "./check_log.ts";
import { checkPool, dumpPool } from "./check_pool.ts";
import type { Terminal } from "./terminal.ts";

/** What checking a file found. */
export interface Checked {
  /** For people: names and values, in the order in which they are shown. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** For programs. */
  readonly json: Readonly<Record<string, unknown>>;
  /** The first thing that is not what was written. */
  readonly damage: CorruptionError | undefined;
}

/** What a file holds, line by line. */
export interface Dumped {
  /** For people: a heading, and rows as they are found; a {@linkcode CorruptionError} ends them. */
  readonly lines: Iterable<string>;
  /** For programs; made only when asked for. */
  json(): {
    readonly content: Readonly<Record<string, unknown>>;
    readonly damage: CorruptionError | undefined;
  };
}

/** A structure that lies in files of its own. */
export interface Format {
  /** As in "a log". */
  readonly name: string;
  /** The first eight bytes of its files, as text. */
  readonly magic: string;
  /** Reads everything. @throws {DaxError} where nothing of it can be read */
  check(file: DaxFile): Checked;
  /** Shows everything. @throws {DaxError} where nothing of it can be read */
  dump(file: DaxFile, terminal: Terminal): Dumped;
}

const formats: readonly Format[] = [
  { name: "log", magic: "daxf.log", check: checkLog, dump: dumpLog },
  { name: "pool", magic: "daxfpool", check: checkPool, dump: dumpPool },
];

/** Opens a file to be read, also while a program writes it, and finds what it holds. */
export function openFormatted(path: string): { readonly file: DaxFile; readonly format: Format } {
  const file = open(path, { readOnly: true, lock: "none" });
  const beginning = String.fromCharCode(...file.view(Uint8Array, 0, Math.min(8, file.size)));
  // In capitals where its creation did not end: to read it says so
  const format = formats.find(({ magic }) => magic === beginning.toLowerCase());
  if (format !== undefined) return { file, format };
  file.close();
  throw new CorruptionError({
    operation: "read",
    error: "EUCLEAN",
    path,
    reason: `it begins as none of these does: ${formats.map(({ name }) => `a ${name}`).join(", ")}`,
    hint: "`daxfile info` tells what lies beneath any file",
    byteOffset: 0,
  });
}
