// What a power cut is tried on: a piece of work that counts its acknowledged steps, and the check of what a cut left of it.

/** One kind of file or structure; writer.ts runs its steps, check.ts its check. */
export interface Part {
  /**
   * Opens its files, or makes them.
   *
   * @param folder on the medium under test
   * @param acknowledged steps that were acknowledged before the last cut
   * @returns does step n, durable on return; n counts from `acknowledged`
   */
  open(folder: string, acknowledged: number): (n: number) => void;

  /**
   * What of the acknowledged steps is missing or wrong; undefined if all is there.
   *
   * @param folder the file system after the cut
   */
  check(folder: string, acknowledged: number): string | undefined;

  /** Steps in a row before the next part has its turn; default 16. */
  readonly stepsPerTurn?: number;

  /** True where the check must fail now and then: a way of writing that promises nothing. */
  readonly isControl?: true;
}
