/** What became of a mutant, how it is told, and what many of them come to. */

/** `equivalent`: proven to write back the same, by the program; `invalid`: no program at all. */
export type Outcome = "killed" | "survived" | "equivalent" | "invalid";

/** A mutant's end. */
export interface Verdict {
  /** File and line. */
  readonly place: string;
  /** What stands there. */
  readonly text: string;
  readonly operator: string;
  readonly outcome: Outcome;
  /** What killed it, or why it lives. */
  readonly reason: string;
}

/** One line. */
export function told({ place, text, operator, outcome, reason }: Verdict): string {
  return `${outcome} ${place}: ${text}: ${operator}: ${reason.split("\n")[0]!.slice(0, 160)}`;
}

/** How many came to which end. */
export class Score {
  readonly #counts: Record<Outcome, number> = { killed: 0, survived: 0, equivalent: 0, invalid: 0 };

  add({ outcome }: Pick<Verdict, "outcome">): void {
    this.#counts[outcome]++;
  }

  /** A mutant that is no program says nothing, so there shall be none. */
  get failed(): number {
    return this.#counts.survived + this.#counts.invalid;
  }

  /** Whether that is a pass: nothing judged is none. */
  get isWhole(): boolean {
    return this.failed === 0 && this.#counts.killed > 0;
  }

  toString(): string {
    const { killed, equivalent, invalid } = this.#counts;
    return `killed ${killed} / ${killed + this.failed}, and ${equivalent} proven equivalent` +
      (invalid > 0 ? `; ${invalid} of them are no program` : "");
  }

  /** The line that continuous integration counts. */
  get line(): string {
    return `${this.#counts.killed} passed, ${this.failed} failed`;
  }
}
