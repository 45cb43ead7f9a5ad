/**
 * Why a file cannot be static, found out before anything was changed.
 *
 * @module
 */

import { DaxError, type ErrorCode } from "../errors.ts";

/** A reason against it, with the error that the system call would answer. */
export interface Refusal {
  readonly error: ErrorCode;
  readonly reason: string;
  readonly hint?: string;
}

/** Whether a result is a reason against it. */
export function isRefusal(result: object | undefined): result is Refusal {
  return result !== undefined && "error" in result && "reason" in result;
}

/** The refusal as what is thrown. */
export function toError({ error, reason, hint }: Refusal, operation: string, path: string): DaxError {
  return new DaxError({ operation, error, path, reason, hint });
}
