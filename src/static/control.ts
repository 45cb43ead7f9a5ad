/**
 * The choice between the three ways in which a file is static: device-dax by nature, the system call where the kernel has it, the seal
 * elsewhere. Here and nowhere else, so that all three give the same answers.
 *
 * @module
 */

import { codeOf } from "../errno.ts";
import { DaxError } from "../errors.ts";
import { deviceDaxGeometry, mediumOf } from "../medium.ts";
import { callDaxctl, closeFile, O, openFile, type Stat, statFile, withFile } from "../system.ts";
import { syscallNumber } from "./call.ts";
import { alignRefusal, capabilityHint, capabilityRefusal, prove, type Subject } from "./check.ts";
import { isRefusal, type Refusal, toError } from "./refusal.ts";
import { changeOf, changeRefusal, forget, isSealed, isShut, lift, seal, sealOf, unseal } from "./seal.ts";
import { release, takeSole } from "./sole.ts";

/** Flags of the call, as it was proposed. */
export const F_GET = 1, F_STATIC = 4;

const EPERM = 1, ENOSYS = 38;

/** What is asked, of which file. */
interface Request {
  readonly path: string;
  readonly flags: number;
  readonly align: number;
}

/**
 * The call's own answer, whichever way gives it.
 *
 * @param asked the call's number, if the caller gave one
 * @throws {DaxError} what the call would answer
 */
export function control(path: string, flags: number, align: number, asked: number | undefined): number {
  const request = { path, flags, align };
  const number = syscallNumber(path, asked);
  if (number === undefined) checkFlags(request);
  const device = deviceDax(path);
  if (device !== undefined) return controlDevice(request, device);
  if (number === undefined) return controlSeal(request);
  const result = callDaxctl(number, path, flags, align);
  if (result >= 0) return result;
  // A kernel without DAX has the call's name only; a sealed file cannot be opened by the call
  if (result === -ENOSYS || (result === -EPERM && carriesSeal(path))) return controlSeal(request);
  throw callError(result, request);
}

/** The alignment of a device-dax in bytes; undefined for another file, and for what cannot be looked at. */
function deviceDax(path: string): number | undefined {
  const file = openFile(path, O.path);
  if (file < 0) return undefined; // what that means is said in its turn: wrong flags come first
  const stat = withFile(file, statFile);
  return typeof stat === "number" ? undefined : deviceDaxGeometry(stat)?.alignBytes;
}

/** Nothing is changed, so nothing needs a capability. */
function controlDevice(request: Request, alignBytes: number): number {
  const { path, flags, align } = request;
  checkFlags(request);
  if ((flags & F_GET) !== 0) return F_STATIC;
  const refusal: Refusal | undefined = (flags & F_STATIC) === 0
    ? { error: "ENOTSUP", reason: "a device-dax is always static", hint: "Close it instead" }
    : alignRefusal(align) ?? (align <= alignBytes ? undefined : {
      error: "EINVAL",
      reason: `align ${align} is more than the device's own alignment, ${alignBytes}`,
      hint: "`ndctl create-namespace --mode=devdax --align=…` makes one with another",
    });
  if (refusal !== undefined) throw toError(refusal, "daxctl", path);
  return 0;
}

function controlSeal(request: Request): number {
  const { path, flags, align } = request;
  checkFlags(request);
  const opened = openToControl(path);
  return withFile(opened.file, (file) => {
    const stat = statFile(file);
    if (typeof stat === "number") throw new DaxError({ operation: "daxctl", error: -stat, path });
    if ((flags & F_GET) !== 0) return isSealed(file, stat) ? F_STATIC : 0;
    const refusal = capabilityRefusal() ??
      ((flags & F_STATIC) !== 0 ? alignRefusal(align) ?? setSealed(file, stat, request) : clear(file));
    if (refusal !== undefined) throw toError(refusal, "daxctl", path);
    return 0;
  });
}

function setSealed(file: number, stat: Stat, { path, align }: Request): Refusal | undefined {
  const subject: Subject = { file, path, stat, medium: mediumOf(file, stat) };
  const map = prove(subject, align);
  const old = sealOf(file);
  if (old.state === "sealed") {
    const change = changeOf(old.marker, file, stat);
    if (change !== undefined) return changeRefusal(change);
    return isRefusal(map) ? map : undefined;
  }
  if (isRefusal(map)) return map;
  if (old.state !== "provisional") return seal(subject, map, align, false);
  // Whoever was about to seal it was killed, or has the file open
  const refusal = takeSole(file) ?? lift(file, old.marker);
  if (refusal === undefined) return seal(subject, map, align, true);
  release(file);
  return refusal;
}

function clear(file: number): Refusal | undefined {
  const old = sealOf(file);
  if (old.state === "interrupted") forget(file);
  if (!isShut(old)) return undefined;
  const refusal = takeSole(file);
  if (refusal !== undefined) return refusal;
  try {
    return unseal(file, old.marker);
  } finally {
    release(file);
  }
}

/** Opens as the call does, to read and write; a sealed file, which nobody can write, to read. */
function openToControl(path: string): { file: number } {
  const file = openFile(path, O.readWrite | O.nonblock);
  if (file >= 0) return { file };
  if (file !== -EPERM) throw openFailure(file, path);
  const reading = openFile(path, O.readOnly | O.nonblock);
  if (reading < 0) throw openFailure(file, path);
  const seal = sealOf(reading);
  if (isShut(seal)) return { file: reading };
  closeFile(reading);
  throw seal.state === "foreign" ? toError(foreign, "daxctl", path) : openFailure(file, path);
}

/** What is said of an immutable file that was not sealed. */
export const foreign: Refusal = {
  error: "EPERM",
  reason: "it is immutable, and daxfile did not make it so",
  hint: "`chattr -i FILE` takes the flag away, if that is meant",
};

/** Whether the file at a path is sealed, or was about to be, as far as this user may look. */
export function carriesSeal(path: string): boolean {
  const file = openFile(path, O.readOnly | O.nonblock);
  return file >= 0 && withFile(file, (file) => isShut(sealOf(file)));
}

function checkFlags({ path, flags }: Request): void {
  if ((flags & ~(F_GET | F_STATIC)) === 0) return;
  const reason = `flags ${flags} has bits beside DAXCTL_F_GET (${F_GET}) and DAXCTL_F_STATIC (${F_STATIC})`;
  throw new DaxError({ operation: "daxctl", error: "EINVAL", path, reason });
}

function openFailure(result: number, path: string): DaxError {
  const hint = result === -13 ? "It has to be opened to read and write: as its owner, or as root" : undefined;
  return new DaxError({ operation: "daxctl", error: -result, path, hint });
}

/** What the call answered, with the reason where it can be found out: EINVAL and EOPNOTSUPP stand for many. */
export function callError(result: number, { path, flags, align }: Request, operation = "daxctl"): DaxError {
  if ((flags & ~(F_GET | F_STATIC)) === 0 && (flags & F_STATIC) !== 0) {
    const found = alignRefusal(align) ?? reasonAgainst(path, align);
    if (found?.error === codeOf(-result)) return toError(found, operation, path);
  }
  const hint = result === -EPERM
    ? capabilityHint
    : result === -16
    ? "It is mapped, or a swap file: close it first"
    : undefined;
  return new DaxError({ operation, error: -result, path, hint });
}

function reasonAgainst(path: string, align: number): Refusal | undefined {
  const file = openFile(path, O.readOnly | O.nonblock);
  if (file < 0) return undefined;
  return withFile(file, () => {
    const stat = statFile(file);
    if (typeof stat === "number") return undefined;
    const map = prove({ file, path, stat, medium: mediumOf(file, stat) }, align, true);
    return isRefusal(map) ? map : undefined;
  });
}
