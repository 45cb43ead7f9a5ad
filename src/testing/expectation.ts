// What may be observed after a crash, at each moment of a trace: the reference's side of the comparison.
import { copy, equal } from "./equal.ts";
import type { Operation, Reference } from "./options.ts";
import type { TraceEvent } from "./trace.ts";

/** What a recovery has shown, which operation the crash before it had cut off, and how many it had not. */
export interface Shown<State> {
  /** The state. */
  readonly observed: State;
  /** The operation that was running at the crash. */
  readonly interrupted: Operation | undefined;
  /** Operations that had been acknowledged at the crash. */
  readonly acknowledged: number;
}

/** The states that are allowed now, and how they came about. */
export class Expectation<State> {
  readonly #reference: Reference<State>;
  /** The state after each acknowledged operation, the first before any. */
  readonly past: State[];
  readonly acknowledged: Operation[] = [];
  running: Operation | undefined;
  /** What a recovery has already shown. */
  shown: Shown<State> | undefined;
  /** The operation that was begun last, if recovery has shown something before. */
  latest: Operation | undefined;
  allowed: State[];

  constructor(reference: Reference<State>, init: State) {
    this.#reference = reference;
    this.past = [init];
    this.allowed = [init];
  }

  /** Begins where the reference does. */
  static initial<State>(reference: Reference<State>): Expectation<State> {
    const { init } = reference;
    return new Expectation(reference, typeof init === "function" ? (init as () => State)() : copy(init));
  }

  /** The same moment, to be continued another way. */
  fork(): Expectation<State> {
    const other = new Expectation(this.#reference, this.past[0]!);
    other.past.splice(0, 1, ...this.past);
    other.acknowledged.push(...this.acknowledged);
    other.running = this.running;
    other.shown = this.shown;
    other.latest = this.latest;
    other.allowed = this.allowed;
    return other;
  }

  allows(observed: State): boolean {
    for (const state of this.allowed) if (equal(state, observed)) return true;
    return false;
  }

  /** Whether it is the state of an earlier moment: then something acknowledged was lost, nothing torn. */
  isPast(observed: State): boolean {
    return this.past.some((state) => equal(state, observed));
  }

  /** Moves on by one event. */
  follow(event: TraceEvent): void {
    const current = this.past.at(-1)!;
    if (event.kind === "begin") {
      const operation = this.running = { name: event.name, arg: event.arg };
      if (this.shown) this.latest = operation;
      const partial = this.#reference.partial?.(copy(current), operation) ?? [];
      this.allowed = [this.#apply(current, operation), ...partial, current];
    } else if (event.kind === "acknowledge") {
      const operation = this.running!;
      this.past.push(this.allowed[0]!);
      this.acknowledged.push(operation);
      this.running = undefined;
      this.allowed = [this.past.at(-1)!];
    } else if (event.kind === "fail") {
      this.running = undefined;
      this.allowed = [current];
    } else if (event.kind === "recovered") {
      const observed = event.observed as State;
      this.past.push(observed);
      this.shown ??= { observed, interrupted: this.running, acknowledged: this.acknowledged.length };
      this.running = undefined;
      this.allowed = [observed];
    }
  }

  #apply(state: State, operation: Operation): State {
    const changed = copy(state);
    const returned = this.#reference.apply(changed, copy(operation));
    return returned === undefined ? changed : returned as State;
  }
}
