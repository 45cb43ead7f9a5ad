/**
 * Static files as open needs them: a new file that can be static, an open file that becomes it, a sealed one that is opened to write.
 *
 * @module
 */

import { DaxError } from "../errors.ts";
import { mediumOf } from "../medium.ts";
import { callDaxctl, closeFile, O, openFile, type Stat, statFile } from "../system.ts";
import { syscallNumber } from "./call.ts";
import { capabilityRefusal, newFileRefusal, prove, sharingRefusal, type Subject } from "./check.ts";
import { callError, F_STATIC } from "./control.ts";
import type { Marker } from "./marker.ts";
import { isRefusal, type Refusal, toError } from "./refusal.ts";
import { changeOf, changeRefusal, forget, isShut, lift, seal, sealOf, unseal } from "./seal.ts";
import { release, takeSole } from "./sole.ts";

const ENOSYS = 38;

/** What open is asked for. */
export interface Wanted {
  readonly static: boolean | "prefer";
  readonly align: number;
  readonly syscallNumber: number | undefined;
}

/**
 * Whether a file that is being made shall be static, so that its blocks have to be written. Looks at what its blocks have no part in.
 *
 * @throws {DaxError} if it must be, and cannot
 */
export function planNew(file: number, path: string, wanted: Wanted): boolean {
  if (wanted.static === false) return false;
  const stat = mustStat(file, path);
  const subject = { file, path, stat, medium: mediumOf(file, stat) };
  const refusal = newFileRefusal(subject) ?? capabilityRefusal() ??
    (syscallNumber(path, wanted.syscallNumber) === undefined ? sharingRefusal(subject) : undefined);
  if (refusal !== undefined && wanted.static === true) throw openRefusal(refusal, path);
  return refusal === undefined;
}

/**
 * Makes an open, mapped file static.
 *
 * @param marker the marker of a file that {@linkcode reopen} gave
 * @returns the descriptor to keep in its place, which cannot write; undefined where it is not static, and that is no error
 * @throws {DaxError} if it must be, and cannot; ESTALE if it was, and its map is another one
 */
export function hold(subject: Subject, wanted: Wanted, marker?: Marker): number | undefined {
  const { file, path, stat } = subject;
  const number = marker === undefined ? syscallNumber(path, wanted.syscallNumber) : undefined;
  if (number !== undefined) {
    const result = callDaxctl(number, `/proc/self/fd/${file}`, F_STATIC, wanted.align);
    if (result >= 0) return file;
    if (result !== -ENOSYS) {
      const error = callError(result, { path, flags: F_STATIC, align: wanted.align });
      const { code, reason, hint } = error;
      return settleFor({ error: code, reason, ...(hint !== undefined && { hint }) }, wanted, path);
    }
  }
  const old = marker ?? markerLeft(file);
  const change = old && changeOf(old, file, stat);
  if (change !== undefined) {
    forget(file);
    throw toError(changeRefusal(change), "open", path);
  }
  const map = prove(subject, wanted.align);
  const refusal = isRefusal(map)
    ? map
    : capabilityRefusal() ?? seal(subject, map, wanted.align, marker !== undefined);
  if (refusal !== undefined) {
    // A file that was static a moment ago is not opened as an ordinary one
    return settleFor(refusal, marker === undefined ? wanted : { ...wanted, static: true }, path);
  }
  // The mapping keeps the open file that may write, and its lock; no descriptor does
  const reading = openFile(`/proc/self/fd/${file}`, O.readOnly | O.nonblock);
  if (reading < 0) throw new DaxError({ operation: "open", error: -reading, path });
  return reading;
}

/** What is thrown where a file that is only read has to be static, and is not. */
export function mustBeStatic(path: string): DaxError {
  const reason = "it is not static, and was opened to be read";
  const hint = "setStatic() or `daxfile static on FILE` makes it static";
  return new DaxError({ operation: "open", error: "ENOTSUP", path, reason, hint });
}

/** A sealed file, open to write, its seal off. */
export interface Reopened {
  readonly file: number;
  readonly marker: Marker;
}

/**
 * Opens a sealed file to write, or one whose sealing was interrupted: the seal is off from here until {@linkcode hold} sets it, and
 * whatever happens to the map between is seen by it, for the marker stays. Nobody else may have it open: they would not see it.
 *
 * @param lock locks a descriptor as open was asked
 * @returns a descriptor that can write, with the lease of sole.ts; undefined where the file is not sealed
 * @throws {DaxError} EPERM without the capability; EBUSY if somebody has it open; ESTALE if the map is not the marker's
 */
export function reopen(
  path: string,
  align: number,
  lock: (file: number) => void,
): Reopened | undefined {
  const reading = openFile(path, O.readOnly | O.nonblock);
  if (reading < 0) return undefined;
  let marker: Marker;
  try {
    const seal = sealOf(reading);
    if (!isShut(seal)) return undefined;
    marker = seal.marker;
    lock(reading);
    takeOff(reading, path, marker, align);
  } finally {
    closeFile(reading);
  }
  const file = openFile(path, O.readWrite | O.nonblock);
  if (file < 0) {
    putBackByPath(path, marker);
    throw new DaxError({ operation: "open", error: -file, path });
  }
  try {
    lock(file);
    const refusal = takeSole(file);
    if (refusal !== undefined) throw toError(refusal, "open", path);
  } catch (error) {
    putBack(file, path, marker);
    closeFile(file);
    throw error;
  }
  return { file, marker };
}

/** Looks whether all is as the marker says, and takes the flag away. */
function takeOff(reading: number, path: string, marker: Marker, align: number): void {
  const stat = mustStat(reading, path);
  const refuse = (refusal: Refusal) => toError(refusal, "open", path);
  const may = capabilityRefusal() ?? takeSole(reading);
  if (may !== undefined) throw refuse(may);
  try {
    const change = changeOf(marker, reading, stat);
    if (change !== undefined) {
      unseal(reading, marker);
      throw refuse(changeRefusal(change));
    }
    const map = prove({ file: reading, path, stat, medium: mediumOf(reading, stat) }, align);
    if (isRefusal(map)) throw openRefusal(map, path);
    const refusal = lift(reading, marker);
    if (refusal !== undefined) throw refuse(refusal);
  } finally {
    release(reading);
  }
}

/** Seals a file again that could not be opened after all; if its map is another one by now, or somebody has it, it stays ordinary. */
export function putBack(file: number, path: string, marker: Marker): void {
  const stat = statFile(file);
  if (typeof stat === "number" || sealOf(file).state !== "interrupted") return;
  release(file);
  const subject = { file, path, stat, medium: mediumOf(file, stat) };
  const map = prove(subject, marker.alignBytes);
  if (!isRefusal(map) && changeOf(marker, file, stat) === undefined) {
    seal(subject, map, marker.alignBytes, false);
  }
}

function putBackByPath(path: string, marker: Marker): void {
  const file = openFile(path, O.readOnly | O.nonblock);
  if (file < 0) return;
  putBack(file, path, marker);
  closeFile(file);
}

/** What is left of a seal whose owner was killed. */
function markerLeft(file: number): Marker | undefined {
  const seal = sealOf(file);
  return seal.state === "interrupted" ? seal.marker : undefined;
}

function settleFor(refusal: Refusal, { static: wanted }: Wanted, path: string): undefined {
  if (wanted === true) throw openRefusal(refusal, path);
  return undefined;
}

/** EINVAL is the call's word for a file that cannot be static; open says ENOTSUP to what it cannot give. */
function openRefusal(refusal: Refusal, path: string): DaxError {
  const { reason, hint } = refusal;
  const error = refusal.error === "EINVAL" ? "ENOTSUP" : refusal.error;
  const out = hint === undefined ? "Open it without static" : `${hint}; or open it without static`;
  return toError({ error, reason: `it cannot be static: ${reason}`, hint: out }, "open", path);
}

function mustStat(file: number, path: string): Stat {
  const stat = statFile(file);
  if (typeof stat === "number") throw new DaxError({ operation: "open", error: -stat, path });
  return stat;
}
