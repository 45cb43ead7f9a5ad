/**
 * What was found out about a path, point by point: whether open gets it, why not, and what to do about it. Here: what concerns the
 * file itself; what it lies on is for medium_checks.ts.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { because, type Check } from "./check.ts";
import type { DaxError } from "./errors.ts";
import type { Findings } from "./findings.ts";
import { mediumChecks } from "./medium_checks.ts";
import { parentOf } from "./path.ts";
import { counted, inUnits } from "./units.ts";

/** All checks, in the order in which one rests on the other. */
export function examine(findings: Findings): Check[] {
  const opened = findings.access !== "none" && (findings.kind === "file" || findings.kind === "device-dax");
  return [
    nativeCode(),
    openable(findings),
    ...(opened ? [unlocked(findings)] : []),
    ...(findings.medium === undefined ? [] : mediumChecks(findings, findings.medium)),
    ...(findings.medium === undefined || findings.kind === "device-dax" ? [] : [allocated(findings)]),
    ...(opened || findings.openError === undefined ? [fixed(findings)] : []),
  ];
}

/** What open would throw, if anything: the first in its own order. */
export function refusal({ openError, lock, mapError }: Findings): DaxError | undefined {
  return openError ?? lock?.error ?? mapError;
}

function nativeCode(): Check {
  const { runtime } = library();
  const override = runtime.environment("DAXFILE_LIBRARY");
  const from = override ? `, from ${override} (DAXFILE_LIBRARY)` : "";
  return { name: "native code", ok: true, value: `${runtime.platform}, called from ${runtime.name}${from}` };
}

function openable({ path, kind, access, size, openError, mapError }: Findings): Check {
  const name = "open";
  const fresh = kind === "directory" || kind === "missing";
  if (openError !== undefined) {
    const value = access === "read" ? "only to be read" : fresh ? "no file can be made" : "refused";
    return { name, ok: false, value, ...because(openError) };
  }
  if (mapError !== undefined) return { name, ok: false, value: "refused", ...because(mapError) };
  const value = fresh
    ? `a new file can be made in ${kind === "directory" ? path : parentOf(path)}`
    : `to read and write, ${inUnits(size ?? 0)}`;
  return { name, ok: true, value };
}

function unlocked({ lock }: Findings): Check {
  const name = "lock";
  if (lock?.error === undefined) return { name, ok: true, value: "free" };
  const why = because(lock.error);
  if (lock.held === "unknown") return { name, ok: false, value: "not to be had", ...why };
  const reason = lock.holder === undefined
    ? why.reason
    : `process ${lock.holder} holds it (${lock.error.code})`;
  return { name, ok: false, value: lock.held, ...why, reason };
}

function allocated(findings: Findings): Check {
  const name = "allocation";
  const { kind, size = 0, extents, extentsError, freeBytes, stat } = findings;
  if (kind !== "file") {
    if (freeBytes === undefined) return { name, ok: null, value: "not known" };
    const free = { name, value: `${inUnits(freeBytes)} free` };
    return freeBytes > 0 ? { ...free, ok: true } : { ...free, ok: false, remedy: "Free some space" };
  }
  if (size === 0) return { name, ok: null, value: "does not apply to an empty file" };
  const holes = extents?.holeBytes ?? Math.max(0, size - (stat?.allocatedBytes ?? size));
  const where = extents === undefined ? "" : ` in ${counted(extents.count, "extent")}`;
  if (holes > 0) {
    const value = `${inUnits(size - holes)} of ${inUnits(size)}${where}`;
    if (freeBytes !== undefined && holes > freeBytes) {
      const reason = `its holes need ${inUnits(holes)} when it is opened, and ${inUnits(freeBytes)} are free`;
      return { name, ok: false, value, reason, remedy: "Free some space, or open it with sparse: true" };
    }
    const reason = `its holes get ${inUnits(holes)} when it is opened, unless with sparse: true`;
    return { name, ok: false, value, reason, remedy: `\`fallocate -l ${size} FILE\` does it beforehand` };
  }
  const value = `all of ${inUnits(size)}${where}`;
  if (extents === undefined) {
    const reason = extentsError && `the map of its blocks cannot be read: ${extentsError.reason}`;
    return { name, ok: true, value, ...(reason !== undefined && { reason }) };
  }
  if (extents.sharedBytes > 0) {
    const reason = `${
      inUnits(extents.sharedBytes)
    } are shared with another file, and move when they are written`;
    return {
      name,
      ok: false,
      value,
      reason,
      remedy: "Make a copy of its own: `cp --reflink=never FILE COPY`",
    };
  }
  if (extents.unwrittenBytes > 0) {
    const reason = `${inUnits(extents.unwrittenBytes)} of it were never written, ` +
      "so the first store into a page costs the file system some work";
    return { name, ok: true, value, reason };
  }
  if (extents.delayedBytes > 0) {
    const reason = `${inUnits(extents.delayedBytes)} get their place on the device with the next sync`;
    return { name, ok: true, value, reason };
  }
  return { name, ok: true, value };
}

/** Whether its blocks stay where they are, or could. */
function fixed({ kind, isStatic, staticWay, staticRefusal, untried }: Findings): Check {
  const name = "static";
  if (kind === "device-dax") return { name, ok: true, value: "yes, as every device-dax" };
  const by = staticWay === "seal" ? "the seal (chattr +i over a proven map)" : "daxctl(2)";
  if (isStatic) return { name, ok: true, value: `yes, by ${by}` };
  if (staticRefusal !== undefined) {
    const { error, reason, hint } = staticRefusal;
    const remedy = hint === undefined ? {} : { remedy: hint };
    return { name, ok: false, value: "no", reason: `${reason} (${error})`, ...remedy };
  }
  if (staticWay === undefined) {
    const reason = untried ?? "the file cannot be looked at";
    return { name, ok: null, value: "not known", reason };
  }
  const remedy = kind === "file"
    ? "`daxfile static on FILE` or setStatic() makes it so"
    : "open it with static: true";
  return { name, ok: false, value: `no, and can be by ${by}`, reason: "nobody asked for it", remedy };
}
