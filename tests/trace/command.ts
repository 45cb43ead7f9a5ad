/** Runs a command to its end without holding up the others. */

import { spawn } from "node:child_process";
import process from "node:process";
import { root } from "../helpers/child.ts";

/** The compiler itself: the script that npm puts before it costs as much as a small build, and does not end when it is killed. */
export const zig: string = `${root}node_modules/@zigc/linux-${process.arch}/bin/zig`;

/** What became of a command. */
export interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** How a command is run. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string | undefined>;
  /** After which it is killed, in milliseconds; default 120,000. */
  readonly timeout?: number;
}

/** Runs a command; its output is what it wrote to both. */
export function run(
  command: string,
  parameters: readonly string[],
  { cwd, env, timeout = 120_000 }: CommandOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, {
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env: { ...process.env, ...env } }),
      stdio: ["ignore", "pipe", "pipe"],
      timeout,
      killSignal: "SIGKILL",
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => output += String(data));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
}
