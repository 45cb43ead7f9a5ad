/**
 * Describes the machine that figures come from.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { availableParallelism, loadavg, release, totalmem } from "node:os";

/** Processor, memory and kernel in a line, and how many other programs wanted a processor in the minute before. */
export function describeMachine(): string {
  const processor = /^model name\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ??
    "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  const kinds = `${processor}, ${availableParallelism()} processors, ${memory} GiB, Linux ${release()}`;
  return `${kinds}; load before the run ${loadavg()[0]!.toFixed(1)}`;
}
