// Runs a workload once, without a crash, and keeps what it did.
import { Memory } from "./memory.ts";
import { MODELS } from "./model.ts";
import type { Program } from "./options.ts";
import { RecordedRegion } from "./region.ts";
import { testerOf } from "./tester.ts";
import type { Trace } from "./trace.ts";

/**
 * Records one run of a workload, without a crash: every store, flush and drain in order.
 *
 * For comparing with what a machine really does, or for counting flushes. `crash` does not need it.
 *
 * @param keep which operations to run, by number; all if absent
 * @param stacks whether each store, flush and drain remembers its line; slow
 *
 * @example
 * ```ts
 * import { record } from "@daxfile/daxfile/testing";
 *
 * const { events } = await record({ size: 4096, workload: (m) => m.store64(0, 1) });
 * console.log(events.map(({ kind }) => kind)); // ["store", "drain"]
 * ```
 */
export async function record(
  { size, seed = 1, model = "px86", views, setup, workload }: Program,
  keep?: ReadonlySet<number>,
  stacks = false,
): Promise<Trace> {
  const rules = MODELS[model], isPlain = views === "plain";
  const memory = new Memory(size);
  memory.recording = false;
  await setup?.(new RecordedRegion(memory, rules, isPlain));
  memory.settle();
  const initial = memory.bytes.slice();
  memory.events.length = 0;
  memory.recording = true;
  memory.stacks = stacks;
  await workload(new RecordedRegion(memory, rules, isPlain), testerOf(memory, seed, keep));
  memory.settle();
  return { initial, events: memory.events.slice(), approximate: memory.approximate };
}
