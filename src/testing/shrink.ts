// Makes a failure small: one crash only, fewer operations, then the earliest crash, then the fewest lost lines.
import { explore } from "./explore.ts";
import type { Failure } from "./failure.ts";
import { LINE_BYTES } from "./model.ts";
import { type Settings, withoutFurther } from "./options.ts";
import { record } from "./record.ts";
import { firstFailure } from "./search.ts";
import type { Trace } from "./trace.ts";

/** A failure with the run that shows it. */
export interface Shrunk {
  readonly failure: Failure;
  readonly trace: Trace;
  /** The operations that are run; all if undefined. */
  readonly keep: ReadonlySet<number> | undefined;
}

/** Milliseconds that shrinking may take, and images that one attempt may. */
const SHRINK_MS = 5_000;
const ATTEMPT_IMAGES = 50_000;

/** Shrinks a failure of a trace. What cannot be made smaller in time stays as it is. */
export async function shrink<S, T>(
  settings: Settings<S, T>,
  trace: Trace,
  failure: Failure,
): Promise<Shrunk> {
  const deadline = performance.now() + SHRINK_MS;
  const limit = <S, T>(settings: Settings<S, T>) => {
    const ms = Math.max(deadline - performance.now(), 1);
    return { ...settings, budget: { images: ATTEMPT_IMAGES, ms } };
  };
  // One crash, and nothing after recovery: that comes first, though it be another bug.
  const alone = { ...withoutFurther(settings), nested: 0 };
  const isAlone = failure.path.length === 1 && !failure.wentOn;
  const first = isAlone ? failure : await firstFailure(limit(alone), trace);
  const limited = () => limit(first ? alone : settings);
  const shrunk = await fewerOperations(
    limited,
    { failure: first ?? failure, trace, keep: undefined },
    deadline,
  );
  return { ...shrunk, failure: await fewerLines(limited(), shrunk) };
}

async function fewerOperations<S, T>(
  limited: () => Settings<S, T>,
  shrunk: Shrunk,
  deadline: number,
): Promise<Shrunk> {
  const begun = (until: number) =>
    shrunk.trace.events.slice(0, until).flatMap((e) => e.kind === "begin" ? [e.operation] : []);
  const all = begun(Infinity);
  let best = shrunk;
  // What comes after the crash cannot matter; then one operation after the other, the latest first.
  const early = new Set(begun(shrunk.failure.path[0]!.point));
  if (early.size < all.length) best = await tryOut(limited(), early, best) ?? best;
  for (let changed = true; changed && performance.now() < deadline;) {
    changed = false;
    for (const operation of [...best.keep ?? all].reverse()) {
      const fewer = new Set(best.keep ?? all);
      fewer.delete(operation);
      const smaller = await tryOut(limited(), fewer, best);
      if (smaller) [best, changed] = [smaller, true];
    }
  }
  return best;
}

async function tryOut<S, T>(
  settings: Settings<S, T>,
  keep: ReadonlySet<number>,
  { failure }: Shrunk,
): Promise<Shrunk | undefined> {
  try {
    const trace = await record(settings, keep);
    const smaller = await firstFailure(settings, trace);
    return smaller && isSameKind(smaller, failure) ? { failure: smaller, trace, keep } : undefined;
  } catch {
    return undefined; // The workload needs what was left out.
  }
}

// Every image of the last crash, of which the one that lost least is kept.
async function fewerLines<S, T>(settings: Settings<S, T>, { failure, trace }: Shrunk): Promise<Failure> {
  let best = failure;
  const only = failure.path.map((step, i) => i < failure.path.length - 1 ? step : { point: step.point });
  const onFailure = (other: Failure) => {
    if (isSameKind(other, failure) && cost(other) < cost(best)) best = other;
  };
  const explored = typeof settings.explore === "object" ? "lazy" as const : settings.explore;
  await explore({ ...settings, explore: explored, nested: only.length - 1 }, trace, { only, onFailure });
  return best;
}

function cost({ lost }: Failure): number {
  const lines = new Set(
    lost.map(({ depth, byteOffset }) => `${depth}:${Math.floor(byteOffset / LINE_BYTES)}`),
  );
  return lines.size * 1e6 + lost.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

// A smaller failure must be the same one, or shrinking would wander off to another bug.
function isSameKind(a: Failure, b: Failure): boolean {
  return a.kind === b.kind && a.path.length === b.path.length;
}
