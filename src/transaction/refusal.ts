/**
 * What a pool refuses, each in one place, so that the messages have one shape.
 *
 * @module
 */

import { CorruptionError, DaxError, type Region } from "../../mod.ts";

/** Bytes of a pool that are not what was written; and where. */
export function corrupt(
  { path }: Pick<Region, "path">,
  byteOffset: number,
  reason: string,
  hint?: string,
): CorruptionError {
  return new CorruptionError({
    operation: "read the pool",
    error: "EUCLEAN",
    path,
    reason,
    hint,
    byteOffset,
  });
}

/** What is refused although nothing is wrong with the bytes. */
export function refused(
  { path }: Pick<Region, "path">,
  operation: string,
  error: DaxError["code"],
  reason: string,
  hint: string,
): DaxError {
  return new DaxError({ operation, error, path, reason, hint });
}

/** A commit, or what belongs to one, failed before: nobody knows how much of it is on the medium until the pool is opened again. */
export function failedBefore({ path }: Pick<Region, "path">, cause: unknown): DaxError {
  return new DaxError({
    operation: "use the pool",
    error: "EIO",
    path,
    reason: "a transaction could not be made durable",
    hint:
      "Close it and open it again, better from a copy on another device: that transaction is then there wholly or not at all",
    cause,
  });
}

/** A transaction that this pool never has room for. */
export function tooLarge({ path }: Pick<Region, "path">, neededBytes: number, roomBytes: number): RangeError {
  return new RangeError(
    `The transaction takes ${neededBytes} bytes (8 for each stretch of bytes, and the bytes), and the pool "${path}" has room for ` +
      `${roomBytes}: divide it, or make the pool with a larger overflowBytes. Nothing was written`,
  );
}

/** Numbers have come to their end. */
export function exhausted(file: Pick<Region, "path">): DaxError {
  const reason = "it has had 2^53 - 1 commits, and their numbers are used up";
  return refused(file, "commit", "EOVERFLOW", reason, "Copy its data into a new pool");
}
