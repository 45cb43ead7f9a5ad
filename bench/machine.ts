/**
 * Describes the machine that figures come from.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";

/** Processor, memory and kernel in a line. */
export function describeMachine(): string {
  const processor = /^model name\s*: (.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ??
    "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processor}, ${availableParallelism()} processors, ${memory} GiB, Linux ${release()}`;
}
