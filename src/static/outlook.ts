/**
 * Whether a file is static, or could be, and by which way: for probe, which changes nothing.
 *
 * @module
 */

import { DaxError } from "../errors.ts";
import { syscallNumber } from "./call.ts";
import { capabilityRefusal, newFileRefusal, prove, sharingRefusal, type Subject } from "./check.ts";
import { control, F_GET, F_STATIC, foreign } from "./control.ts";
import { isRefusal, type Refusal } from "./refusal.ts";
import { changeOf, changeRefusal, sealOf } from "./seal.ts";

/** How a file is kept in place. */
export type StaticWay = "system call" | "seal" | "device-dax";

/** What there is to say. */
export interface Outlook {
  readonly isStatic: boolean;
  /** By which it is static, or would be. */
  readonly way?: StaticWay;
  /** Why it is not and cannot be. */
  readonly refusal?: Refusal;
}

/**
 * Looks at an open file: an existing one with its map, a new one without.
 *
 * Whether somebody else has it open, which the seal minds on XFS, is not asked: the lease that would tell turns openers away.
 *
 * @param asked the system call's number, if the caller gave one
 */
export function outlook(subject: Subject, isNew: boolean, asked: number | undefined): Outlook {
  const { file, path, stat } = subject;
  try {
    const seal = isNew ? { state: "none" } as const : sealOf(file);
    if (seal.state === "sealed") {
      const change = stat.dax ? changeOf(seal.marker, file, stat) : undefined;
      if (change !== undefined) return { isStatic: false, refusal: changeRefusal(change) };
      if (stat.dax) return { isStatic: true, way: "seal" };
    }
    if (seal.state === "foreign") return { isStatic: false, refusal: foreign };
    const number = syscallNumber(path, asked);
    if (number !== undefined && !isNew && control(path, F_GET, 0, asked) === F_STATIC) {
      return { isStatic: true, way: "system call" };
    }
    const proof = isNew ? newFileRefusal(subject) : prove(subject, 0);
    const refusal = (isRefusal(proof) ? proof : undefined) ?? capabilityRefusal() ??
      (number === undefined ? sharingRefusal(subject) : undefined);
    const way = number === undefined ? "seal" : "system call";
    return refusal === undefined ? { isStatic: false, way } : { isStatic: false, refusal };
  } catch (error) {
    if (!(error instanceof DaxError)) throw error;
    const { code, reason, hint } = error;
    return { isStatic: false, refusal: { error: code, reason, ...(hint !== undefined && { hint }) } };
  }
}
