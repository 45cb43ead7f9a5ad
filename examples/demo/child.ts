/**
 * The life of one writer: started, listened to, killed with SIGKILL. What counts as acknowledged is what was read from its pipe,
 * the rest that lay in it at its death included.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** How a life is led. */
export interface Plan {
  /** From the first acknowledgement to the kill, in milliseconds. */
  readonly milliseconds: number;
  /** Kill it earlier once it has made so many payments. */
  readonly most: number;
  /** Called for each acknowledgement. */
  readonly onPayment: (number: number, nanoseconds: number) => void;
}

/** The user wants to stop: the terminal sends its Ctrl-C to the writer as well. */
export class InterruptedError extends Error {}

/** The writer ended before it was killed; the message is what it said. */
export class WriterError extends Error {}

/** The longest wait for a first payment, in milliseconds: a runtime starts in a tenth of a second. */
const patience = 10_000;

let writer: ChildProcess | undefined;

/** Kills the writer, if one runs: nothing may outlive the demo. */
export function killWriter(): void {
  writer?.kill("SIGKILL");
}

/**
 * Runs a writer until it is killed.
 *
 * @returns how long it wrote, in milliseconds
 * @throws {InterruptedError} if it was interrupted from the terminal
 * @throws {WriterError} if it ended by itself
 */
export function runWriter(path: string, { milliseconds, most, onPayment }: Plan): Promise<number> {
  const script = new URL("./writer.ts", import.meta.url);
  // The one place that knows both runtimes. In Deno the writer may do no more than call native code
  const run = "Deno" in globalThis ? ["run", "--allow-ffi", script.href] : ["run", fileURLToPath(script)];
  const child = spawn(process.execPath, [...run, path], { stdio: ["ignore", "pipe", "pipe"] });
  writer = child;
  let begin = 0, payments = 0, rest = "", complaint = "", lived = 0;
  const kill = () => {
    if (lived > 0) return;
    lived = performance.now() - begin;
    child.kill("SIGKILL");
  };
  let timer = setTimeout(() => {
    complaint = `it made no payment within ${patience / 1000} seconds`;
    child.kill("SIGKILL");
  }, patience);

  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text: string) => {
    if (begin === 0) {
      begin = performance.now();
      clearTimeout(timer);
      timer = setTimeout(kill, milliseconds);
    }
    const lines = (rest + text).split("\n");
    rest = lines.pop()!; // a line without its end is no acknowledgement
    for (const line of lines) {
      const space = line.indexOf(" ");
      onPayment(Number(line.slice(0, space)), Number(line.slice(space + 1)));
    }
    payments += lines.length;
    if (payments >= most) kill();
  });
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (text: string) => complaint += text);

  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // "close", not "exit": only then has the pipe been read to its end
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      writer = undefined;
      if (lived > 0) resolve(lived);
      else if (signal === "SIGINT") reject(new InterruptedError());
      else {reject(
          new Error(complaint.trim() || `The writer ended by itself (${signal ?? `exit code ${code}`})`),
        );}
    });
  });
}
