/**
 * What daxfile throws for what the system says, all of one shape: what was asked, of which file, what came back, the way out.
 * A caller's mistake is a RangeError or a TypeError instead.
 *
 * @module
 */

import { codeOf, errnos, type ErrorCode, meaningOf } from "./errno.ts";

export type { ErrorCode };

/** The parts of a {@linkcode DaxError}. */
export interface DaxErrorDetails {
  /** What was being done, as a verb: `open`, `map`, `persist`. */
  operation: string;
  /** The error's name or its number. */
  error: ErrorCode | number;
  /** The file, as the caller named it. */
  path?: string | undefined;
  /** What happened, in place of the error's usual words. */
  reason?: string | undefined;
  /** What the caller can do about it. */
  hint?: string | undefined;
  /** Where in the file, in bytes from its start. */
  byteOffset?: number | undefined;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * Something that the system refused, or that daxfile refuses because it could not keep its promise.
 *
 * @example A file that another process writes
 * ```ts
 * import { DaxError, open } from "@daxfile/daxfile";
 *
 * try {
 *   using file = open("data.dax");
 *   console.log(file.size);
 * } catch (error) {
 *   if (!(error instanceof DaxError)) throw error;
 *   console.log(error.code, error.hint);
 * }
 * ```
 */
export class DaxError extends Error {
  /** `"DaxError"`, or the name of a class made from it. */
  override readonly name: string = "DaxError";
  /** The error's name as in errno(3), such as `"ENOSPC"`. */
  readonly code: ErrorCode;
  /** Its number on Linux, positive. */
  readonly errno: number;
  /** What was being done: `open`, `map`, `persist`, … */
  readonly operation: string;
  /** The file, as the caller named it. */
  declare readonly path?: string;
  /** What happened: the middle of the message. */
  readonly reason: string;
  /** What to do about it. */
  declare readonly hint?: string;
  /** Where in the file, in bytes from its start; of a {@linkcode CorruptionError}. */
  declare readonly byteOffset?: number;

  /** Makes an error; daxfile does, and structures built on it may. */
  constructor({ operation, error, path, reason: given, hint, byteOffset, cause }: DaxErrorDetails) {
    const errno = typeof error === "number" ? error : numberOf(error);
    const reason = given ?? meaningOf(errno);
    const code = codeOf(errno);
    const subject = path === undefined ? operation : `${operation} "${path}"`;
    const message = `Cannot ${subject}: ${reason} (${code})`;
    super(hint === undefined ? message : `${message}. ${hint}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.errno = errno;
    this.operation = operation;
    this.reason = reason;
    if (path !== undefined) this.path = path;
    if (hint !== undefined) this.hint = hint;
    if (byteOffset !== undefined) this.byteOffset = byteOffset;
  }
}

/** Bytes that cannot be trusted: a checksum, magic or length that is not what was written. */
export class CorruptionError extends DaxError {
  /** `"CorruptionError"`. */
  override readonly name: string = "CorruptionError";
}

/**
 * A store or load that the memory behind the file could not serve: the file was truncated, the disk was full under a sparse
 * file, or the medium has a bad block. Only with the option `guard`; without it the process ends with SIGBUS.
 */
export class MappingFaultError extends DaxError {
  /** `"MappingFaultError"`. */
  override readonly name: string = "MappingFaultError";
}

function numberOf(code: ErrorCode): number {
  return code in errnos ? errnos[code as keyof typeof errnos][0] : Number(code.slice(1));
}
