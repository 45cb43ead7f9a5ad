/**
 * What a command of `daxfile` is. Each has a file of its own here and a place in the table of run.ts.
 *
 * @module
 */

import type { Terminal } from "./terminal.ts";

/** An option of one command, beside `--json` and `--help`, which all have. */
export interface CommandOption {
  readonly type: "string" | "boolean";
  /** What the help says of it. */
  readonly summary: string;
}

/** A command. */
export interface Command {
  readonly name: string;
  /** What it takes, as the help shows it: `["get|on|off", "FILE"]`. All are needed, and no more. */
  readonly operands: readonly string[];
  /** In the list of commands: one line. */
  readonly summary: string;
  /** In the command's own help: some sentences. */
  readonly description: string;
  readonly options?: Readonly<Record<string, CommandOption>>;
  /**
   * Does it.
   *
   * @returns the exit code: 0, or 1 where the answer is that something failed
   * @throws {DaxError} which becomes a message and exit code 1
   * @throws {UsageError | TypeError | RangeError} which becomes a message and exit code 2
   */
  run(invocation: Invocation): number | Promise<number>;
}

/** What the command line says. */
export interface Invocation {
  /** As many as the command asks for. */
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** One JSON document in place of text. */
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** A command line that says nothing sensible. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
