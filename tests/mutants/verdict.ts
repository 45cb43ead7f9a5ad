/** What became of a mutant, and how it is told. */

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
