/**
 * The child process: makes payments as fast as it can until it is killed, and acknowledges each on its standard output once it is durable.
 *
 * A line is the payment's number and the nanoseconds it took to be durable. It is written after the payment and in one piece, so
 * whoever has read it has been promised that payment.
 *
 * @module
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { DaxError } from "../../mod.ts";
import { accounts, Ledger } from "../ledger.ts";

const largestAmount = 100_000;
const standardOutput = 1;

try {
  work(process.argv[2]!);
} catch (error) {
  if (isBrokenPipe(error)) process.exit(0); // nobody is left to acknowledge to
  if (!(error instanceof DaxError)) throw error;
  console.error(error.message);
  process.exit(1);
}

function work(path: string): never {
  using ledger = Ledger.open(path);
  for (;;) {
    const from = random(accounts), to = random(accounts), amount = 1 + random(largestAmount);
    const begin = performance.now();
    const number = ledger.pay(from, to, amount);
    const nanoseconds = Math.round((performance.now() - begin) * 1e6);
    writeSync(standardOutput, `${number} ${nanoseconds}\n`);
  }
}

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}
