/**
 * What a log refuses, each in one place, so that the messages have one shape.
 *
 * @module
 */

import { CorruptionError, DaxError, type Region } from "../../mod.ts";
import { frameBytes, frameHeaderBytes } from "./layout.ts";

/** Bytes of a log that are not what was written, and where. */
export function corrupt(
  { path }: Pick<Region, "path">,
  byteOffset: number,
  reason: string,
  hint?: string,
): CorruptionError {
  return new CorruptionError({ operation: "read the log", error: "EUCLEAN", path, reason, hint, byteOffset });
}

/** A record that was durable once, and is not there any more. */
export function lostRecord(
  file: Pick<Region, "path">,
  byteOffset: number,
  sequence: number,
  proof: string,
): CorruptionError {
  const reason = `record ${sequence}, at byteOffset ${byteOffset}, is not what was written: ${proof}`;
  const hint =
    "`daxfile check` says what is left before it: the medium has lost bytes, so copy what can be read to another";
  return corrupt(file, byteOffset, reason, hint);
}

/** A record, or several, for which there is no room left. */
export function full({ path }: Pick<Region, "path">, neededBytes: number, leftBytes: number): DaxError {
  return new DaxError({
    operation: "append to the log",
    error: "ENOSPC",
    path,
    reason: `${neededBytes} bytes are needed, records' frames included, and ${leftBytes} of it are free`,
    hint: "clear() it once its records are somewhere else, or make a larger one",
  });
}

/** A record that no log of this size ever has room for. */
export function tooLong({ path }: Pick<Region, "path">, byteLength: number, roomBytes: number): RangeError {
  return new RangeError(
    `A record of ${byteLength} bytes takes ${
      frameBytes(byteLength)
    }, and the log "${path}" never holds more than ` +
      `${roomBytes}: at most ${Math.max(0, roomBytes - frameHeaderBytes)} bytes in a record`,
  );
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
