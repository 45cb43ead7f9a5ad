/**
 * The demo's command line.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { Refusal } from "./refusal.ts";

const usage = `Usage: demo [PATH] [--rounds N] [--seconds N]

  PATH         the ledger, made if there is none; default ./demo.dax
  --rounds N   how often the writer is killed, 1 to 100; default 5
  --seconds N  how long it writes in all, about, 0.1 to 600; default 2.5`;

/** The longest path that Linux takes. */
const longestPath = 4095;

/** What the user asks for. */
export interface Options {
  readonly path: string;
  readonly rounds: number;
  /** Of writing, in all rounds together. */
  readonly seconds: number;
}

/**
 * Reads the command line.
 *
 * @returns the options, or undefined when only help was asked for, and given
 * @throws {Refusal} if it makes no sense
 */
export function readOptions(): Options | undefined {
  const { values, positionals } = parse();
  if (values.help) return void console.log(usage);
  const rounds = Number(values.rounds ?? 5), seconds = Number(values.seconds ?? 2.5);
  const path = positionals[0] ?? "./demo.dax";
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) refuse(`--rounds ${values.rounds}: 1 to 100`);
  if (!(seconds >= 0.1 && seconds <= 600)) refuse(`--seconds ${values.seconds}: 0.1 to 600`);
  if (positionals.length > 1) refuse(`One PATH, not ${positionals.length}`);
  if (path === "" || path.length > longestPath) refuse(`PATH has 1 to ${longestPath} characters`);
  return { path, rounds, seconds };
}

function parse() {
  try {
    return parseArgs({
      args: process.argv.slice(2),
      allowPositionals: true,
      options: {
        rounds: { type: "string" },
        seconds: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(reason: string): never {
  throw new Refusal(`${reason}\n\n${usage}`);
}
