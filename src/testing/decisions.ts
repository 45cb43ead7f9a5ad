// What survived a crash, decided word by word as it is read: by asking the choices, within what the model allows.
import type { Choices } from "./choices.ts";
import { apply, type Entry, type Layer, type Unit } from "./pending.ts";

/** A decision that a run made, so that it can be taken back, or made again before a further crash. */
export interface Decision {
  readonly unit: Unit;
  readonly entry: Entry;
  readonly lo: number;
  readonly hi: number;
  readonly decision: Entry["decision"];
  readonly oldLo: number;
  readonly oldHi: number;
  readonly oldDecision: Entry["decision"];
}

/** The decisions of one run on what a crash left. */
export class Decisions {
  /** In the order in which they were made. */
  readonly journal: Decision[] = [];
  readonly #layers: readonly Layer[];
  readonly #choices: Choices;

  constructor(layers: readonly Layer[], choices: Choices) {
    this.#layers = layers;
    this.#choices = choices;
  }

  /**
   * Finds bytes of a word: from the latest store backwards, asking of each whether it survived.
   *
   * @param need the bytes, one bit each
   * @param into where they are put; those that no store left stay as they are
   */
  resolve(word: number, need: number, into: Uint8Array): void {
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const entries = this.#layers[i]!.words.get(word);
      if (!entries) continue;
      for (let j = entries.length - 1; j >= 0 && need !== 0; j--) {
        const entry = entries[j]!, hit = entry.mask & need;
        if (hit === 0 || !this.#survived(entry)) continue;
        apply(entry, hit, into);
        need &= ~hit;
      }
    }
  }

  #survived(entry: Entry): boolean {
    const { unit, step } = entry;
    if (step < 0) {
      if (entry.decision === 0) this.#decide(entry, unit.lo, unit.hi, this.#choices.choose(2) === 0 ? 1 : 2);
      return entry.decision === 1;
    }
    if (step < unit.lo) return true;
    if (step > unit.hi) return false;
    if (entry.decision !== 0) return entry.decision === 1;
    const pieces = unit.steps[step]!;
    const canComplete = step < unit.hi, canTear = pieces.length > 1 && hasOtherUndecided(pieces);
    if (!canComplete && !canTear) return false;
    const choice = this.#choices.choose(canComplete && canTear ? 3 : 2);
    if (choice === 1) {
      this.#decide(entry, unit.lo, step, pieces.length > 1 ? 2 : 0);
      return false;
    }
    if (canComplete && choice === 0) this.#decide(entry, step + 1, unit.hi, 0);
    else this.#decide(entry, step, step, 1);
    return true;
  }

  #decide(entry: Entry, lo: number, hi: number, decision: Entry["decision"]): void {
    const { unit } = entry;
    const [oldLo, oldHi, oldDecision] = [unit.lo, unit.hi, entry.decision];
    this.journal.push({ unit, entry, lo, hi, decision, oldLo, oldHi, oldDecision });
    make(unit, entry, lo, hi, decision);
  }
}

/** Takes decisions back, the latest first. */
export function undo(journal: readonly Decision[]): void {
  for (let i = journal.length - 1; i >= 0; i--) {
    const { unit, entry, oldLo, oldHi, oldDecision } = journal[i]!;
    make(unit, entry, oldLo, oldHi, oldDecision);
  }
}

/** Makes decisions again that were taken back. */
export function redo(journal: readonly Decision[]): void {
  for (const { unit, entry, lo, hi, decision } of journal) make(unit, entry, lo, hi, decision);
}

function make(unit: Unit, entry: Entry, lo: number, hi: number, decision: Entry["decision"]): void {
  unit.lo = lo;
  unit.hi = hi;
  entry.decision = decision;
}

// All words of a torn step would be the whole step, which is another choice: no image is counted twice.
function hasOtherUndecided(pieces: readonly Entry[]): boolean {
  let survived = 0;
  for (const { decision } of pieces) if (decision === 1) survived++;
  return survived < pieces.length - 1;
}
