// Enumerates by running again: each undecided thing is a choice among a few, and a run is the list of its choices.

/** Where the choices of a run come from. Choice 0 means that the store survived; execution.ts makes one of its own. */
export class Choices {
  readonly chosen: number[] = [];
  readonly #counts: number[] = [];
  readonly #random: (() => number) | undefined;
  readonly #fixed: readonly number[] | undefined;
  #depth = 0;
  #bound = 0;
  #broken: Error | undefined;

  /** Every combination, depth first; or one at random; or the one given, which is 0 past its end. */
  constructor(options: { random?: (() => number) | undefined; fixed?: readonly number[] | undefined } = {}) {
    this.#random = options.random;
    this.#fixed = options.fixed;
  }

  /** How many choices this run has made. */
  get depth(): number {
    return this.#depth;
  }

  /** Chooses one of `count` (at least 2) ways. */
  choose(count: number): number {
    const at = this.#depth++;
    if (at < this.chosen.length) {
      if (this.#counts[at] !== count) throw this.#broken = new DivergedError();
      return this.chosen[at]!;
    }
    const choice = this.#fixed ? this.#fixed[at] ?? 0 : this.#random ? Math.floor(this.#random() * count) : 0;
    if (choice >= count) throw this.#broken = new MisfitError();
    this.chosen.push(choice);
    this.#counts.push(count);
    return choice;
  }

  /** Whether every choice from the given depth on was the first one. */
  isFirstAfter(depth: number): boolean {
    for (let i = depth; i < this.chosen.length; i++) if (this.chosen[i] !== 0) return false;
    return true;
  }

  /** Ends a run: throws if it asked for fewer choices than it repeated, or if recovery swallowed such an error. */
  finish(): void {
    if (this.#broken) throw this.#broken;
    if (this.#depth < this.#bound) throw new DivergedError();
    if (this.#fixed && this.#fixed.length > this.#depth) throw new MisfitError();
  }

  /** Moves to the next combination; false if there is none. Never called for random or fixed choices. */
  next(): boolean {
    while (this.chosen.length > 0) {
      const last = this.chosen.pop()! + 1, count = this.#counts.pop()!;
      if (last < count) {
        this.chosen.push(last);
        this.#counts.push(count);
        this.#bound = this.chosen.length;
        this.#depth = 0;
        return true;
      }
    }
    return false;
  }
}

/** Recovery read other bytes although it was given the same ones. */
export class DivergedError extends Error {
  override name = "DivergedError";
}

/** A token's choices do not exist in this program. */
export class MisfitError extends Error {
  override name = "MisfitError";
}
