// Counts what the cuts left, and says at the end whether they proved anything.

/**
 * So many cuts of a run may tear a file system's own block. On persistent memory a store is atomic, not a sector: a cut in the middle of
 * one of XFS's leaves a block that is half new, and XFS finds its checksum wrong and does not mount. It is there whole a moment later;
 * what stays broken comes to more than this.
 */
const mostTorn = 3;

/** The results of all cuts. */
export class Tally {
  #torn = 0;
  #passed = 0;
  #failed = 0;
  readonly #cuts = new Map<string, number>();
  /** By control: how often it was looked at, and how often something was lost. */
  readonly #controls = new Map<string, { looks: number; losses: number }>();

  /**
   * Counts one look at one machine after a cut, however many parts it has.
   *
   * @param verdicts one line a part, as check.ts writes them
   */
  look(kind: "copy" | "kill" | "boot", machine: string, verdicts: readonly string[]): void {
    const wrong = verdicts.filter((verdict) => verdict.split(" ")[1]?.startsWith("wrong"));
    for (const verdict of verdicts) {
      const [name = "", state] = verdict.split(" ");
      if (name !== "control") continue;
      const seen = this.#controls.get(machine) ?? { looks: 0, losses: 0 };
      seen.looks++;
      if (state === "lost") seen.losses++;
      this.#controls.set(machine, seen);
    }
    const key = `${kind} ${machine}`;
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1);
    if (wrong.length === 0 && verdicts.length > 0) this.#passed++;
    else this.#failed++;
    for (const verdict of wrong) console.log(`FAIL ${machine} after a ${kind}: ${verdict}`);
    if (verdicts.length === 0) console.log(`FAIL ${machine} after a ${kind}: nothing was checked`);
  }

  /**
   * Counts a cut in the middle of a block of the file system's own; nothing was looked at.
   *
   * @throws {Error} if that was no accident
   */
  torn(machine: string): void {
    if (++this.#torn > mostTorn) {
      throw new Error(`${machine} does not mount after a cut, and that more than ${mostTorn} times`);
    }
    console.log(`${machine}: cut in the middle of the file system's own block, which it refuses to mount`);
  }

  /** Says how many steps each part of a machine has acknowledged; a part without any has proven nothing. */
  steps(writer: string, names: readonly string[], steps: Float64Array): void {
    console.log(`${writer}: ${names.map((name, index) => `${name} ${steps[index]} steps`).join(", ")}`);
    for (const [index, name] of names.entries()) {
      if (!(steps[index]! > 0)) this.trouble(`${writer}: ${name} did not acknowledge a single step`);
    }
  }

  /** Something other than a check went wrong. */
  trouble(text: string): void {
    this.#failed++;
    console.log(`FAIL ${text}`);
  }

  /** Prints the closing lines. @returns the exit code */
  close(): number {
    for (const [key, count] of this.#cuts) console.log(`${key}: ${count}`);
    for (const [machine, { looks, losses }] of this.#controls) {
      console.log(
        `control ${machine} (no MAP_SYNC, no msync): lost acknowledged pages in ${losses} of ${looks} looks`,
      );
      if (losses > 0) this.#passed++;
      else this.trouble("the control lost nothing, so these cuts prove nothing");
    }
    console.log(`${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 && this.#passed > 0 ? 0 : 1;
  }
}
