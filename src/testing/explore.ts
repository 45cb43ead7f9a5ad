// Cuts the power at every moment that matters, in every way that the model allows, and looks at what recovery makes of
// it. Enumerates by running recovery again: what it reads is decided as it reads (choices.ts, memory.ts).
import { Choices, DivergedError, MisfitError } from "./choices.ts";
import { redo, undo } from "./decisions.ts";
import { Execution, type Run } from "./execution.ts";
import { Expectation } from "./expectation.ts";
import { type Failure, lostStores, type PathStep } from "./failure.ts";
import { Memory } from "./memory.ts";
import { MODELS, type Rules } from "./model.ts";
import type { Settings } from "./options.ts";
import { Layer, openWords } from "./pending.ts";
import { randomFrom } from "./random.ts";
import { isThenable } from "./tester.ts";
import type { Trace, TraceEvent } from "./trace.ts";

/** What part of the exploration is wanted, and who is told. */
export interface Exploration<State = unknown> {
  /** Only this crash; without choices, every image of it. */
  only?: readonly { readonly point: number; readonly choices?: readonly number[] }[] | undefined;
  /** Told of each failure; throw to stop. */
  onFailure(failure: Failure): void;
  /** Told of each observation. */
  onOutcome?: ((path: readonly PathStep[], observed: State) => void) | undefined;
  /** Counts here, so that the counts are there even if it stops early. */
  tally?: Tally | undefined;
  /** Whether what recovery stores remembers where it was called from. */
  stacks?: boolean | undefined;
}

/** Counts of an exploration. */
export interface Tally {
  images: number;
  crashPoints: number;
  nestedCrashPoints: number;
  /** What was reached first, if not everything was tried. */
  exhausted: "images" | "ms" | undefined;
  approximate: boolean;
}

/** Where the power is cut: the number of the event that would have come next, and that event. */
type Cut = Omit<PathStep, "choices">;

/** Tries the crashes of one trace. */
export async function explore<Structure, State>(
  settings: Settings<Structure, State>,
  trace: Trace,
  exploration: Exploration<State>,
): Promise<Tally> {
  const explorer = new Explorer(settings, trace, exploration);
  await explorer.walk(trace.events, [], Expectation.initial(settings.reference), []);
  return explorer.tally;
}

/** Nothing counted yet. */
export function newTally({ approximate }: Pick<Trace, "approximate">): Tally {
  return { images: 0, crashPoints: 0, nestedCrashPoints: 0, exhausted: undefined, approximate };
}

class Explorer<Structure, State> {
  readonly tally: Tally;
  readonly #settings: Settings<Structure, State>;
  readonly #exploration: Exploration<State>;
  readonly #rules: Rules;
  /** What is certainly durable. */
  readonly #base: Uint8Array;
  readonly #deadline: number;
  readonly #nested: number;
  readonly #execution: Execution<Structure, State>;
  #memory: Memory;

  constructor(settings: Settings<Structure, State>, trace: Trace, exploration: Exploration<State>) {
    const { only } = exploration;
    this.#settings = settings;
    this.#exploration = exploration;
    this.#rules = MODELS[settings.model];
    this.#base = trace.initial.slice();
    this.#memory = this.#freshMemory();
    this.#deadline = performance.now() + settings.budget.ms;
    this.#nested = only?.at(-1)?.choices ? only.length - 1 : settings.nested;
    this.#execution = new Execution(settings, this.#rules);
    this.tally = exploration.tally ?? newTally(trace);
  }

  /**
   * Tries the crash points of one history: of the workload, or of one recovery.
   *
   * The points are those before a drain, before an operation begins, and the end. They suffice. The images at a
   * moment are what is certainly durable plus some of the stores since; as long as no drain moves what is certain,
   * every image of a moment is one of any later moment, because losing more stores is always possible. And what may
   * be observed changes only where an operation begins or ends: so between two of {drain, begin, end of operation}
   * the last moment has all images of the others and the same allowed states. The moment before an acknowledgement
   * needs no point of its own: the next point after it has at least its images, and fewer states are allowed there
   * (after a return only the new state, after a throw only the old). What comes after the acknowledgement does have
   * one, before the next operation, drain or the end, even if nothing was stored in between.
   *
   * @param below the stores that an earlier crash may have lost
   * @param earlier the run whose events these are, if it was itself a recovery
   */
  async walk(
    events: readonly TraceEvent[],
    below: readonly Layer[],
    expectation: Expectation<State>,
    path: readonly PathStep[],
    earlier?: Run,
  ): Promise<void> {
    const layer = new Layer(this.#rules, this.#base, below);
    const layers = [...below, layer];
    const only = this.#exploration.only?.[path.length];
    const last = only?.point ?? events.length;
    let worthwhile = !earlier;
    for (let i = 0; i <= last && !this.tally.exhausted; i++) {
      const event = events[i];
      if (worthwhile && isPoint(event) && (!only || only.point === i)) {
        await this.#visit({ point: i, next: event }, layers, expectation, path, earlier);
        worthwhile = false;
      }
      if (!event) break;
      if (event.kind === "store") {
        layer.add(event);
        worthwhile = true;
      } else if (event.kind === "flush") {
        if (event.sync === undefined) layer.flush(event.byteOffset, event.byteLength);
        else layer.beginSync(event.sync);
      } else if (event.kind === "drain") {
        const into = earlier ? [] : [this.#base, this.#memory.bytes];
        if (event.sync === undefined) layer.drain(into);
        else layer.endSync(event.sync, into);
      } else {
        expectation.follow(event);
        // A recovery that stored nothing leaves the image that it was given: nothing new to see.
        if (event.kind !== "close" && !(earlier && layer.words.size === 0)) worthwhile = true;
      }
    }
  }

  async #visit(
    cut: Cut,
    layers: readonly Layer[],
    expectation: Expectation<State>,
    path: readonly PathStep[],
    earlier: Run | undefined,
  ): Promise<void> {
    if (!earlier) {
      this.tally.crashPoints++;
      return await this.#point(cut, layers, expectation, path);
    }
    // Choices that the earlier run made after this moment do not change it: take it up with the first of them only.
    const mark = earlier.marks.get(cut.point);
    if (!mark || !(this.#isSingle || earlier.choices.isFirstAfter(mark.depth))) return;
    this.tally.nestedCrashPoints++;
    const journal = earlier.journal.slice(0, mark.decisions);
    redo(journal);
    try {
      await this.#point(cut, layers, expectation, path);
    } finally {
      undo(journal);
    }
  }

  get #isSingle(): boolean {
    return typeof this.#settings.explore === "object" || this.#exploration.only !== undefined;
  }

  async #point(
    cut: Cut,
    layers: readonly Layer[],
    expectation: Expectation<State>,
    path: readonly PathStep[],
  ): Promise<void> {
    const { explore, seed } = this.#settings;
    const open = openWords(layers);
    const fixed = this.#exploration.only?.[path.length]?.choices;
    const isSampled = typeof explore === "object" && !fixed;
    const random = isSampled ? randomFrom(seed, cut.point, this.tally.images) : undefined;
    const samples = isSampled && path.length === 0 ? explore.samples : 1;
    let choices = new Choices({ fixed, random });
    for (let i = 1; !this.#isOver(); i++) {
      this.#memory.recording = path.length < this.#nested;
      const begun = this.#execution.start(this.#memory, layers, open, choices, expectation, path.length);
      const run = isThenable(begun) ? await begun : begun;
      this.tally.images++;
      const deeper = this.#judge(run, cut, layers, expectation, path);
      if (deeper) await deeper; // awaiting nothing costs as much as a small recovery
      if (fixed || isSampled) {
        if (i >= samples) return;
        choices = new Choices({ random });
      } else if (!choices.next()) return;
    }
  }

  #judge(
    run: Run,
    cut: Cut,
    layers: readonly Layer[],
    expectation: Expectation<State>,
    path: readonly PathStep[],
  ): Promise<void> | undefined {
    const { failed, observed } = run;
    if (failed?.error instanceof DivergedError || failed?.error instanceof MisfitError) throw failed.error;
    const { onOutcome } = this.#exploration;
    const isNested = !failed && path.length < this.#nested && this.#memory.hasStored;
    if (!failed && !isNested && !onOutcome) return void this.#reset();
    const here = [...path, { ...cut, choices: run.choices.chosen.slice() }];
    onOutcome?.(here, observed as State);
    const lost = failed ? lostStores(layers) : [];
    const after = failed ? expectation.fork() : expectation;
    if (failed && run.wentOn) { for (const event of run.events) after.follow(event); }
    const events = isNested ? run.events.slice() : [];
    this.#reset();
    if (failed) {
      const { acknowledged, shown, latest } = after;
      const expected = failed.expected ?? expectation.allowed;
      // What threw outside an operation is not the fault of the one that had returned before.
      const isOver = failed.error !== undefined && acknowledged.at(-1) === latest;
      const further = run.wentOn && !isOver ? latest : undefined;
      const running = failed.error === undefined ? after.running : further ?? after.running;
      const told = { path: here, running, acknowledged, shown, further, wentOn: run.wentOn };
      this.#exploration.onFailure({ ...failed, ...told, expected, lost });
    } else if (isNested) {
      return this.walk(events, layers, expectation.fork(), here, { ...run, events });
    }
    return undefined;
  }

  #reset(): void {
    this.#memory.end(this.#base);
    if (!this.#memory.approximate) return;
    // Somebody may still hold the buffer.
    this.tally.approximate = true;
    this.#memory = this.#freshMemory();
  }

  #freshMemory(): Memory {
    const memory = new Memory(this.#base.length);
    memory.bytes.set(this.#base);
    memory.stepLimit = this.#settings.steps;
    memory.stacks = this.#exploration.stacks ?? false;
    return memory;
  }

  #isOver(): boolean {
    if (this.tally.images >= this.#settings.budget.images) this.tally.exhausted ??= "images";
    // A look at the clock costs as much as a small recovery.
    else if (this.tally.images % 16 === 15 && performance.now() >= this.#deadline) {
      this.tally.exhausted ??= "ms";
    }
    return this.tally.exhausted !== undefined;
  }
}

function isPoint(event: TraceEvent | undefined): boolean {
  return !event || event.kind === "drain" || event.kind === "begin";
}
