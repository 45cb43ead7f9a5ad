/**
 * One point that was looked at, and how an error becomes one.
 *
 * @module
 */

import type { DaxError } from "./errors.ts";

/** One point of a {@linkcode Probe}. */
export interface Check {
  /** What is looked at: `"MAP_SYNC"`, `"file system"`; always the same words. */
  readonly name: string;
  /** Whether open gets it; null where that does not apply or cannot be known. */
  readonly ok: boolean | null;
  /** What there is, in a few words. */
  readonly value: string;
  /** Why so. */
  readonly reason?: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** An error as the reason and the remedy of a check. */
export function because(error: DaxError): { reason: string; remedy?: string } {
  return {
    reason: `${error.reason} (${error.code})`,
    ...(error.hint !== undefined && { remedy: error.hint }),
  };
}
