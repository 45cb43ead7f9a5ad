/**
 * What the demo says when it cannot go on: a sentence and a way out, no stack trace.
 *
 * @module
 */

import { DaxError } from "../../mod.ts";
import { WriterError } from "./child.ts";

/** Something to be told as it is. */
export class Refusal extends Error {}

/** What went wrong, for the user; throws again what is a mistake in the program. */
export function explain(error: unknown): string {
  if (error instanceof DaxError && error.code === "EBUSY") {
    return `"${error.path}" is in use, perhaps by another demo. Wait until that has ended, or name another file`;
  }
  if (error instanceof DaxError || error instanceof Refusal || error instanceof WriterError) {
    return error.message;
  }
  if (error instanceof Error && error.name === "NotCapable") {
    return `${error.message}. The demo needs --allow-ffi --allow-run --allow-env`;
  }
  throw error;
}
