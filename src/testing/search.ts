// Stops an exploration at the first failure.
import { type Exploration, explore } from "./explore.ts";
import type { Failure } from "./failure.ts";
import type { Settings } from "./options.ts";
import type { Trace } from "./trace.ts";

/** The earliest failure of a trace; undefined if there is none, or none within the budget: the tally knows. */
export async function firstFailure<S, T>(
  settings: Settings<S, T>,
  trace: Trace,
  exploration: Omit<Exploration<T>, "onFailure"> = {},
): Promise<Failure | undefined> {
  let first: Failure | undefined;
  const onFailure = (failure: Failure) => {
    first = failure;
    throw stop;
  };
  await explore(settings, trace, { ...exploration, onFailure }).catch((error: unknown) => {
    if (error !== stop) throw error;
  });
  return first;
}

const stop = new Error("a failure was found");
