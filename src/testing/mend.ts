// Looks for the missing flush by adding one to the trace and trying every crash again.
import { newTally } from "./explore.ts";
import type { Failure, LostStore } from "./failure.ts";
import { type Model, MODELS } from "./model.ts";
import { type Settings, withoutFurther } from "./options.ts";
import { firstFailure } from "./search.ts";
import { sourceOf } from "./source.ts";
import type { FlushEvent, Trace, TraceEvent } from "./trace.ts";

/** Milliseconds that the whole search may take. */
const MEND_MS = 3_000;
/** Images that one attempt may take. */
const MEND_IMAGES = 50_000;

interface Remedy {
  readonly text: string;
  /** What to add, and after which event. */
  readonly after: number;
  readonly events: readonly TraceEvent[];
}

/**
 * The flush or drain that mends a failure. Proven: with it in the trace, every crash was tried and recovered. What is
 * not proven is advice.
 */
export async function mend<S, T>(
  given: Settings<S, T>,
  trace: Trace,
  failure: Failure,
): Promise<{ text: string; isProven: boolean }> {
  // What is done after recovery runs the same code, to whose events nothing is added.
  const settings = failure.path.length > 1 || failure.wentOn ? given : withoutFurther(given);
  const advice = (text: string) => ({ text, isProven: false });
  const deadline = performance.now() + MEND_MS;
  const lost = failure.lost.filter(({ depth }) => depth === 0);
  if (failure.lost.length === 0) {
    return advice("no store was lost: look at the order of the stores, or recovery");
  }
  if (lost.length === 0) {
    return advice(
      failure.shown
        ? "a store was lost that recovery made, or what came after it: look at what is persisted there, and when"
        : "a store of recovery was lost: look at what recovery persists, and when",
    );
  }
  const each = lost.map((one) => remediesOf(trace, one, settings.model));
  const together = each.map((remedies) => remedies.at(-1)!);
  const attempts = [...each.flat().map((remedy) => [remedy]), ...(together.length > 1 ? [together] : [])];
  for (const attempt of attempts) {
    const budget = { images: MEND_IMAGES, ms: Math.max(deadline - performance.now(), 1) };
    const mended = { ...trace, events: insert(trace.events, attempt) };
    const tally = newTally(mended);
    const other = await firstFailure({ ...settings, budget }, mended, { tally });
    if (other || tally.exhausted) continue;
    return { text: attempt.map(({ text }) => text).join(", and "), isProven: true };
  }
  return advice("no single added flush or drain mends it: look at the order of the stores");
}

function remediesOf(trace: Trace, lost: LostStore, model: Model): Remedy[] {
  const { store } = lost;
  const at = trace.events.indexOf(store), rules = MODELS[model];
  const place = sourceOf(store.stack);
  const flushed = trace.events.findIndex((event, i) =>
    i > at && event.kind === "flush" && covers(event, lost)
  );
  const remedies: Remedy[] = [];
  const flush = trace.events[flushed] as FlushEvent | undefined;
  if (flush && !(rules.flushDrains && flush.sync === undefined)) {
    const where = sourceOf(flush.stack) ?? "event " + flushed;
    const text = flush.sync === undefined
      ? `drain() after the flush at ${where}`
      : `await the sync() at ${where}`;
    remedies.push({ text, after: flushed, events: [{ kind: "drain", sync: flush.sync }] });
  }
  const { byteOffset, bytes } = store;
  const start = byteOffset - byteOffset % rules.flushBytes;
  const byteLength = Math.ceil((byteOffset + bytes.length) / rules.flushBytes) * rules.flushBytes - start;
  const when = store.isFound ? "before" : "after the store at";
  const text = `persist(${byteOffset}, ${bytes.length}) ${when} ${place ?? "event " + at}`;
  remedies.push({
    text,
    after: at,
    events: [{ kind: "flush", byteOffset: start, byteLength }, { kind: "drain" }],
  });
  return remedies;
}

function covers(flush: FlushEvent, lost: LostStore): boolean {
  return flush.byteOffset <= lost.byteOffset &&
    flush.byteOffset + flush.byteLength >= lost.byteOffset + lost.byteLength;
}

function insert(events: readonly TraceEvent[], remedies: readonly Remedy[]): TraceEvent[] {
  return events.flatMap((event, i) => [
    event,
    ...remedies.filter(({ after }) => after === i).flatMap((remedy) => remedy.events),
  ]);
}
