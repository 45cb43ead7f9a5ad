/**
 * The command line of `daxfile`: which command, with what, and what becomes of an error.
 *
 * Exit codes: 0 it is done, 1 it failed or the answer is no, 2 the command line is wrong.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { DaxError } from "../errors.ts";
import { check } from "./check.ts";
import { type Command, type CommandOption, UsageError } from "./command.ts";
import { doctor } from "./doctor.ts";
import { dump } from "./dump.ts";
import { info } from "./info.ts";
import { indent, table, wrap } from "./layout.ts";
import { staticCommand } from "./static.ts";
import type { Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** Every command, in the order of the help. */
const commands: readonly Command[] = [doctor, info, staticCommand, check, dump];

/** What all commands take. */
const commonOptions = {
  json: { type: "boolean", summary: "one JSON document in place of text" },
  help: { type: "boolean", short: "h", summary: "this text" },
} as const;

/**
 * Runs a command line.
 *
 * @param words what follows the program's name
 * @returns the exit code
 */
export async function run(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first, ...rest] = words;
  if (first === "--version") {
    terminal.print(version);
    return 0;
  }
  if (first === "--help" || first === "-h") {
    terminal.print(help(terminal));
    return 0;
  }
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) {
    const problem = first === undefined
      ? "a command is missing"
      : `there is no command ${JSON.stringify(first)}`;
    terminal.complain(`daxfile: ${problem}\n\n${help(terminal)}`);
    return 2;
  }
  return await runCommand(command, rest, terminal);
}

async function runCommand(command: Command, words: string[], terminal: Terminal): Promise<number> {
  try {
    const options = { ...commonOptions, ...command.options };
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
    if (values.help) {
      terminal.print(helpOf(command, terminal));
      return 0;
    }
    const missing = command.operands[positionals.length];
    if (missing !== undefined) throw new UsageError(`${missing} is missing`);
    const surplus = positionals[command.operands.length];
    if (surplus !== undefined) throw new UsageError(`${JSON.stringify(surplus)} is one word too many`);
    const { json = false, help: _, ...own } = values;
    return await command.run({ operands: positionals, options: own, json: json === true, terminal });
  } catch (error) {
    if (error instanceof DaxError) {
      terminal.complain(`daxfile: ${error.message}`);
      return 1;
    }
    // parseArgs throws TypeErrors, and so does a path that is none
    if (error instanceof UsageError || error instanceof TypeError || error instanceof RangeError) {
      terminal.complain(`daxfile: ${error.message}\n\n${usage(command)}`);
      return 2;
    }
    throw error;
  }
}

function usage({ name, operands }: Command): string {
  return `Usage: daxfile ${[name, ...operands].join(" ")} [--json]\n       daxfile ${name} --help`;
}

function help({ columns }: Terminal): string {
  const rows = commands.map(({ name, operands, summary }) => [`  ${[name, ...operands].join(" ")}`, summary]);
  const about = "Persistent memory for Deno and Bun: what a file gives, and why.";
  return [
    `daxfile ${version}`,
    ...wrap(about, columns),
    "",
    "Usage: daxfile COMMAND",
    "",
    ...table(rows),
    "",
    ...table([
      ["  --json", commonOptions.json.summary],
      ["  --help", "this text; after a command, what it does"],
      ["  --version", "the version"],
    ]),
    "",
    ...wrap(
      "Exit code: 0 it is done, 1 it failed or the answer is no, 2 the command line is wrong.",
      columns,
    ),
  ].join("\n");
}

function helpOf(command: Command, { columns }: Terminal): string {
  const options: Record<string, CommandOption> = { ...command.options, ...commonOptions };
  const shown = Object.entries(options).map((
    [name, { type, summary }],
  ) => [`  --${name}${type === "string" ? "=VALUE" : ""}`, summary]);
  return [
    usage(command).split("\n")[0]!,
    "",
    indent(wrap(command.description, columns), ""),
    "",
    ...table(shown),
  ].join("\n");
}
