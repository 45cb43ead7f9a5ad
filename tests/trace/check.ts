/** What must hold of a trace: nothing unexplained, every call as the model says, every epoch as the recorded region says. */

import { record, type Trace } from "../../src/testing/mod.ts";
import { strayCall } from "./calls.ts";
import type { NativeTrace } from "./events.ts";
import { type Phase, phases } from "./phases.ts";
import { parting } from "./refine.ts";
import { workload, workloadBytes } from "./workload.ts";

const records = new Map<string, Promise<Trace>>();

/** What the engine records of the workload: the same each time, so it is asked once. */
export function recorded(phase: Pick<Phase, "model" | "thorough" | "sync">): Promise<Trace> {
  const key = `${phase.model} ${phase.thorough} ${phase.sync}`;
  const found = records.get(key) ??
    record({ size: workloadBytes, model: phase.model, workload: (m) => workload(m, phase) });
  records.set(key, found);
  return found;
}

/** What is wrong with the traces of some phases, in words; undefined where nothing is. */
export async function wrongWith(
  traces: readonly NativeTrace[],
  names?: readonly string[],
): Promise<string | undefined> {
  const of = phases(names);
  if (traces.length !== of.length) return `${traces.length} files were mapped, and not ${of.length}`;
  for (const [index, phase] of of.entries()) {
    const trace = traces[index]!;
    const wrong = trace.events.some(({ kind }) => kind === "unexplained")
      ? "a store is of a kind that the tracer does not know"
      : strayCall(trace) ?? parting(trace.events, await recorded(phase), phase.granularity);
    if (wrong !== undefined) return `${phase.name}: ${wrong}`;
  }
  return undefined;
}
