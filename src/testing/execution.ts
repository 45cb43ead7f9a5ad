// One recovery from one image: recover, observe, recover again, go on working; and whether each did as it should.
import type { Choices } from "./choices.ts";
import { copy, equal } from "./equal.ts";
import { Expectation } from "./expectation.ts";
import type { FailureKind } from "./failure.ts";
import { type Memory, type OpenWords, StepLimitError } from "./memory.ts";
import type { Rules } from "./model.ts";
import type { Settings } from "./options.ts";
import type { Layer } from "./pending.ts";
import { RecordedRegion } from "./region.ts";
import { isThenable, testerOf } from "./tester.ts";
import type { TraceEvent } from "./trace.ts";

/** A moment of a recovery at which the power may be cut again. */
interface Mark {
  /** Choices and decisions made until then. */
  readonly depth: number;
  readonly decisions: number;
}

/** What one recovery did. */
export interface Run {
  readonly choices: Choices;
  /** The memory's own: the next run begins anew with it. */
  readonly events: readonly TraceEvent[];
  readonly journal: Memory["journal"];
  /** By the number of the event that follows. */
  readonly marks: ReadonlyMap<number, Mark>;
  /** What was observed first. */
  observed: unknown;
  /** Whether it came to what is done after recovery. */
  wentOn: boolean;
  failed: Failed | undefined;
}

/** What a recovery did wrong. */
interface Failed {
  readonly kind: FailureKind;
  readonly error: unknown;
  /** Where it was not what the crash allows. */
  readonly expected: readonly unknown[] | undefined;
  readonly observed: unknown;
}

/** Runs the recoveries of one test. */
export class Execution<Structure, State> {
  readonly #settings: Settings<Structure, State>;
  readonly #rules: Rules;

  constructor(settings: Settings<Structure, State>, rules: Rules) {
    this.#settings = settings;
    this.#rules = rules;
  }

  /** Runs a recovery; awaits only if the test's functions return promises. */
  start(
    memory: Memory,
    layers: readonly Layer[],
    open: OpenWords,
    choices: Choices,
    expectation: Expectation<State>,
    depth: number,
  ): Run | Promise<Run> {
    const marks = memory.recording ? new Map<number, Mark>() : noMarks;
    memory.begin(layers, open, choices);
    const { events, journal } = memory;
    const run: Run = {
      choices,
      events,
      journal,
      marks,
      observed: undefined,
      wentOn: false,
      failed: undefined,
    };
    const mark = () =>
      void (marks as Map<number, Mark>).set(events.length, {
        depth: choices.depth,
        decisions: journal.length,
      });
    if (memory.recording) memory.onPoint = mark;
    const finish = (error?: unknown) => {
      if (memory.recording) mark();
      memory.onPoint = undefined;
      if (error !== undefined && !run.failed) {
        const kind = error instanceof StepLimitError ? "endless" : "threw";
        run.failed = { kind, error, expected: undefined, observed: undefined };
      }
      return run;
    };
    try {
      const driven = drive(this.#steps(memory, expectation, depth, run));
      return isThenable(driven) ? Promise.resolve(driven).then(() => finish(), finish) : finish();
    } catch (error) {
      return finish(error);
    }
  }

  // Yields what may have to be awaited: most tests are synchronous, and awaiting costs more than their recovery.
  *#steps(memory: Memory, expectation: Expectation<State>, depth: number, run: Run): Steps {
    const { recover, observe, further, explore, seed, views } = this.#settings;
    const goesOn = further !== undefined && depth === 0;
    const region = () => new RecordedRegion(memory, this.#rules, views === "plain");
    if (explore === "exhaustive") memory.resolveAll();
    let structure = (yield recover(region())) as Structure;
    let observed = run.observed = (yield observe(structure)) as State;
    memory.settle();
    if (!expectation.allows(observed)) {
      const kind = expectation.shown ? "not-durable" : expectation.isPast(observed) ? "lost" : "torn";
      return fail(run, kind, observed);
    }
    if (memory.hasStored) {
      observed = copy(observed);
      memory.note({ kind: "recovered", observed });
      // A restart without a crash: everything that recovery stored is there. What is done further is tried with it and
      // without it, because a second recovery may put right what the first has left.
      if (!goesOn || run.choices.choose(2) === 0) {
        structure = (yield recover(region())) as Structure;
        const again = (yield observe(structure)) as State;
        if (!equal(again, observed)) return fail(run, "not-idempotent", again, [observed]);
      }
    }
    if (goesOn) {
      const after = new Expectation(this.#settings.reference, copy(observed));
      const first = memory.events.length;
      memory.note({ kind: "recovered", observed: after.past[0] });
      run.wentOn = true;
      yield further(structure, testerOf(memory, seed));
      const now = (yield observe(structure)) as State;
      for (const event of memory.events.slice(first + 1)) after.follow(event);
      if (!after.allows(now)) return fail(run, "further", now, after.allowed);
    }
    run.choices.finish();
  }
}

const noMarks: ReadonlyMap<number, Mark> = new Map();

type Steps = Generator<unknown, void, unknown>;

function fail(run: Run, kind: FailureKind, observed: unknown, expected?: readonly unknown[]): void {
  run.failed = { kind, error: undefined, expected, observed: copy(observed) };
}

function drive(steps: Steps): void | Promise<void> {
  let step = steps.next();
  while (!step.done) {
    if (isThenable(step.value)) return driveAsync(steps, step.value);
    step = steps.next(step.value);
  }
}

async function driveAsync(steps: Steps, first: PromiseLike<unknown>): Promise<void> {
  for (let value: unknown = first;;) {
    let step: IteratorResult<unknown, void>;
    try {
      step = steps.next(await value);
    } catch (error) {
      step = steps.throw(error);
    }
    if (step.done) return;
    value = step.value;
  }
}
