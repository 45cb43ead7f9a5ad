// The front of the engine: record twice, explore, and if something is found make it small and tell.
import { DivergedError, MisfitError } from "./choices.ts";
import { CrashError, explain } from "./crash_error.ts";
import { newTally, type Tally } from "./explore.ts";
import type { Failure } from "./failure.ts";
import { mend } from "./mend.ts";
import { MODELS } from "./model.ts";
import { type CrashOptions, type CrashReport, type Settings, settingsOf } from "./options.ts";
import { record } from "./record.ts";
import { firstFailure } from "./search.ts";
import { shrink, type Shrunk } from "./shrink.ts";
import { withLongStacks } from "./source.ts";
import { decode, encode, type Replay } from "./token.ts";
import { difference, type Trace } from "./trace.ts";
import { warningsOf } from "./warnings.ts";

/**
 * Cuts the power of a program at every moment that matters, in every way that the model allows, and compares what
 * recovery finds with a reference.
 *
 * The structure under test is given a region with the interface of `DaxFile`; it needs no change. An operation that
 * returned from `tester.op` must be there after any crash; one that was running, wholly or not at all. Recovery must
 * end, give the same when it runs twice, and survive a crash of its own.
 *
 * Costs one recovery for each different thing that recovery can read: some 100,000 a second.
 *
 * @returns what was tried; `complete` if that was everything
 * @throws {CrashError} if a crash loses or tears something, if a budget runs out (that is no pass; ask for
 * `samples` to accept it), or if the test is not deterministic
 * @throws {RangeError} if a number in the options is outside its limits
 * @throws {TypeError} if a name in the options is unknown
 * @throws {SyntaxError} if `replay` is not a token
 *
 * @example A counter: one aligned word, stored and persisted
 * ```ts
 * import { crash } from "@daxfile/daxfile/testing";
 *
 * const report = await crash({
 *   size: 4096,
 *   workload: async (m, t) => {
 *     const count = m.view(BigUint64Array, 0, 1);
 *     for (let i = 0; i < 3; i++) {
 *       await t.op("add", 1, () => {
 *         count[0]! += 1n;
 *         m.persist(count);
 *       });
 *     }
 *   },
 *   recover: (m) => m.view(BigUint64Array, 0, 1),
 *   observe: (count) => Number(count[0]),
 *   reference: { init: 0, apply: (state, { arg }) => state + (arg as number) },
 * });
 * console.log(report.complete, report.images); // true 10
 * ```
 */
export async function crash<Structure, State>(options: CrashOptions<Structure, State>): Promise<CrashReport> {
  const started = performance.now();
  const replay = options.replay === undefined ? undefined : decode(options.replay);
  const settings = settingsOf(replay ? overridden(options, replay) : options);
  const trace = await record(settings, replay?.keep);
  const tally = newTally(trace);
  const report = () => reportOf(settings, trace, tally, performance.now() - started);
  const differs = difference(trace, await record(settings, replay?.keep));
  if (differs) {
    throw notDeterministic(`the workload did something else the second time: ${differs}`, report());
  }

  const found = await search(settings, trace, tally, replay, report);
  if (found.failure) {
    const { failure } = found;
    const shrunk = replay ? { failure, trace, keep: replay.keep } : await shrink(settings, trace, failure);
    throw await explained(settings, shrunk, report());
  }
  const result = {
    ...report(),
    complete: isComplete(settings, tally),
    warnings: await warnings(settings, trace),
  };
  if (found.isMisfit) {
    result.warnings.push("the token's image cannot arise any more: the program has changed");
  }
  if (tally.exhausted && typeof settings.explore !== "object" && !replay) {
    throw incomplete(result, settings, tally);
  }
  return result;
}

async function search<S, T>(
  settings: Settings<S, T>,
  trace: Trace,
  tally: Tally,
  replay: Replay | undefined,
  report: () => CrashReport,
): Promise<{ failure?: Failure; isMisfit?: boolean }> {
  try {
    const failure = await firstFailure(settings, trace, { only: replay?.path, tally });
    return failure ? { failure } : { isMisfit: replay !== undefined && tally.images < replay.path.length };
  } catch (error) {
    if (error instanceof DivergedError) {
      throw notDeterministic("recovery asked for other bytes although it was given the same ones", report());
    }
    if (error instanceof MisfitError) return { isMisfit: true };
    throw error;
  }
}

// Only now, for the one run that is shown, is it worth asking where each store came from.
async function explained<S, T>(
  given: Settings<S, T>,
  { failure, trace, keep }: Shrunk,
  report: CrashReport,
): Promise<CrashError> {
  const explore = given.explore === "exhaustive" ? "exhaustive" : "lazy";
  const settings = { ...given, explore } as const;
  const token = encode({ model: settings.model, explore, seed: settings.seed, keep, path: failure.path });
  const located = await withLongStacks(() => record(settings, keep, true));
  const again = await firstFailure(settings, located, { only: failure.path, stacks: true }).catch(() =>
    undefined
  );
  const shown = again ? { failure: again, trace: located } : { failure, trace };
  const remedy = await mend(settings, shown.trace, shown.failure);
  const message = explain(shown.failure, shown.trace, report, remedy.text, token, settings.views);
  const details = { token, failure: shown.failure, ...(remedy.isProven ? { mend: remedy.text } : {}) };
  return new CrashError(failure.kind, message, report, details);
}

async function warnings<S, T>(settings: Settings<S, T>, trace: Trace): Promise<string[]> {
  const rules = MODELS[settings.model];
  if (warningsOf(trace, rules).length === 0) return [];
  return warningsOf(await withLongStacks(() => record(settings, undefined, true)), rules);
}

function overridden<S, T>(
  options: CrashOptions<S, T>,
  { model, explore, seed, path }: Replay,
): CrashOptions<S, T> {
  return { ...options, model, explore, seed, nested: path.length - 1 };
}

function isComplete<S, T>({ explore, replay }: Settings<S, T>, { exhausted, approximate }: Tally): boolean {
  return typeof explore === "string" && replay === undefined && !exhausted && !approximate;
}

function reportOf<S, T>({ model }: Settings<S, T>, { events }: Trace, tally: Tally, ms: number): CrashReport {
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  return {
    complete: false,
    approximate: tally.approximate,
    model,
    images: tally.images,
    crashPoints: tally.crashPoints,
    nestedCrashPoints: tally.nestedCrashPoints,
    operations: count("begin"),
    stores: count("store"),
    flushes: count("flush"),
    drains: count("drain"),
    warnings: [],
    ms,
  };
}

function notDeterministic(what: string, report: CrashReport): CrashError {
  const advice = "take randomness from tester.random() or the seed, and keep clocks and other state out";
  return new CrashError("not-deterministic", `crash: not deterministic: ${what}; ${advice}`, report);
}

function incomplete<S, T>(report: CrashReport, { budget }: Settings<S, T>, { exhausted }: Tally): CrashError {
  const limit = exhausted === "images" ? `${budget.images} images` : `${budget.ms} ms`;
  const advice = "make the workload smaller, raise the budget, or accept samples with explore: { samples }";
  const message = `crash: incomplete: the budget of ${limit} ran out after ${report.images} images at ` +
    `${report.crashPoints} crash points without a failure, which is no pass; ${advice}`;
  return new CrashError("incomplete", message, report);
}
