// Runs a program of the host to its end.
import { spawnSync } from "node:child_process";

/**
 * What the program wrote to its standard output.
 *
 * @throws {Error} with what it wrote to standard error, if it cannot be started or fails
 */
export function command(
  program: string,
  args: readonly string[],
  options: { cwd?: string; input?: string } = {},
): string {
  const result = spawnSync(program, args, { ...options, encoding: "utf8", maxBuffer: 1 << 26 });
  if (result.error) throw new Error(`${program} could not be started: ${result.error.message}`);
  if (result.status !== 0) {
    throw new Error(
      `${[program, ...args].join(" ")} failed with ${
        result.status ?? result.signal
      }: ${result.stderr.trim()}`,
    );
  }
  return result.stdout;
}
