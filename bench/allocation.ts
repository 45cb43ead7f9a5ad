/**
 * Bytes that each hot path allocates, counted in a program of its own whose engine collects nothing meanwhile.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import process from "node:process";
import type { Launch } from "./place.ts";
import type { Added } from "./results.ts";

/** What keeps the engines from collecting: V8 until the young generation is full, JavaScriptCore until the heap is. */
const flags = { Deno: ["--v8-flags=--min-semi-space-size=1024,--max-semi-space-size=1024"], Bun: [] };
const environment = { BUN_JSC_largeHeapSize: "4000000000", BUN_JSC_useConcurrentGC: "0" };

/** Half of the smallest object of either engine: an operation that comes to less allocates nothing. */
const limitBytes = 8;

/** Runs children/allocation.ts. */
export function allocationResults({ runtime, command, root, memory, only }: Launch): Added[] {
  const [program, ...rest] = command;
  const text = execFileSync(program, [
    ...rest,
    ...flags[runtime],
    `${root}bench/children/allocation.ts`,
    memory,
    only,
  ], { encoding: "utf8", env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
  const found = text.trim().split("\n").filter(Boolean).map((line) =>
    JSON.parse(line) as { name: string; bytes: number }
  );
  return found.map(({ name, bytes }) => ({
    runtime,
    group: "allocation",
    name,
    unit: "bytes",
    more: bytes,
    least: bytes,
    most: bytes,
    ...(name.startsWith("control") ? {} : { limit: limitBytes }),
  }));
}
