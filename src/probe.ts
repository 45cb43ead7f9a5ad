/**
 * What open would get at a path, without opening it: asked of the system by the same functions, and changing nothing there.
 *
 * @module
 */

import type { Check } from "./check.ts";
import { examine, refusal } from "./checks.ts";
import type { Leaf } from "./device.ts";
import { type Durability, type Granularity, methodName } from "./durability.ts";
import type { ErrorCode } from "./errors.ts";
import type { Extents } from "./extents.ts";
import type { HugePages } from "./huge_pages.ts";
import { type Access, type Findings, findOut, type PathKind } from "./findings.ts";
import { toPath } from "./path.ts";
import { type CallOptions, checkSyscallNumber } from "./static/call.ts";
import type { StaticWay } from "./static/outlook.ts";
import { loadLibrary } from "./system.ts";

/** What {@linkcode open} would get at a path. A property that is undefined could not be found out; `checks` says why. */
export interface Probe {
  /** The path, as the caller named it. */
  readonly path: string;
  /** Whether there is something. */
  readonly exists: boolean;
  /**
   * What it is. For a `"directory"` and a `"missing"` file, everything else is what a new file there would get. `"other"` is what
   * cannot be mapped (a pipe, a socket, a disk); `"unreachable"` is a path that the system does not follow.
   */
  readonly kind: PathKind;
  /** What this user may do: write it (make it, if it is new), only read it, or nothing. */
  readonly access: Access;
  /** What `open(path)` (`open(path, { create: true, size })`, if it is new) would throw; absent where it succeeds. */
  readonly refusal?: { readonly code: ErrorCode; readonly reason: string; readonly hint?: string };
  /** Length in bytes of a file or device-dax. */
  readonly size?: number;
  /** The lock that another opener holds, in this process or another one; absent where nothing was opened. */
  readonly lock?: "free" | "shared" | "exclusive" | "unknown";
  /** The file system's type as in /proc/mounts (`ext4`, `xfs`, `tmpfs`), or `device-dax`. */
  readonly fileSystem?: string;
  /** Where it is mounted, from what and with which options; absent for device-dax. */
  readonly mount?: { readonly point: string; readonly source: string; readonly options: readonly string[] };
  /** The devices at the bottom, below partitions and device-mapper; empty where sysfs shows none. */
  readonly devices: readonly Leaf[];
  /** Whether its pages are the device's own (STATX_ATTR_DAX). */
  readonly dax?: boolean;
  /** Whether the kernel gives MAP_SYNC. */
  readonly mapSync?: boolean;
  /** What {@linkcode DaxFile.granularity} would be. */
  readonly granularity?: Granularity;
  /** The granularity that DAXFILE_FORCE_GRANULARITY forces. */
  readonly forcedGranularity?: Granularity;
  /** What {@linkcode DaxFile.durability} would be. */
  readonly durability?: Durability;
  /** How a write is written back: `clwb`, `clflushopt`, `clflush`, `dc cvap`, `dc cvac`, `fence only` or `msync`. */
  readonly flushMethod?: string;
  /** Whether the CPU caches over it survive a power cut (eADR). */
  readonly cachesPersistent?: boolean;
  /** The map of its blocks; undefined for a new file, and where the file system has none to show (tmpfs). */
  readonly extents?: Extents;
  /** How much of it can be mapped in pages of 2 MiB; only of a file with DAX. */
  readonly hugePages?: HugePages;
  /** What the file system still has for an ordinary user, in bytes. */
  readonly freeBytes?: number;
  /** Whether its blocks cannot move. */
  readonly isStatic: boolean;
  /** By which way it is static, or could be: docs/static-dax.md. Absent where it cannot; `checks` says why. */
  readonly staticWay?: StaticWay;
  /** All of this point by point: whether open gets it, and where not, why and the remedy. */
  readonly checks: readonly Check[];
}

/**
 * What {@linkcode open} would get at a path, and for each thing that it would not get, why and the remedy.
 *
 * The path may be a file, a directory (what a new file in it would get), a file that does not exist yet, or a device-dax. It
 * changes nothing there: an existing file is mapped to be read and not touched, a new one is tried with a file that has no name and
 * vanishes, a lock is tried and let go. What cannot be opened is described, not thrown.
 *
 * Takes a millisecond, and some 50 ms the first time in a process, in which the kernel's list of symbols is read. A file of
 * very many extents takes longer: all of them are listed.
 *
 * @param path a path, or a file URL
 * @param options `syscallNumber`: see {@linkcode CallOptions}
 * @returns what was found out
 * @throws {TypeError} if `path` is no path
 * @throws {RangeError} if the number may be another call's
 * @throws {DaxError} ENOSYS where there is no native library for this system; EPERM without `--allow-ffi` in Deno
 *
 * @example
 * ```ts
 * import { probe } from "@daxfile/daxfile";
 *
 * const { granularity, durability, checks } = probe(".");
 * console.log(`A file made here has ${granularity} granularity and survives ${durability}`);
 * for (const { name, ok, value, reason, remedy } of checks) {
 *   if (ok === false) console.log(`${name}: ${value}. Why: ${reason}. What to do: ${remedy}`);
 * }
 * ```
 */
export function probe(path: string | URL, { syscallNumber }: CallOptions = {}): Probe {
  const name = toPath(path);
  checkSyscallNumber(syscallNumber);
  loadLibrary("probe", name);
  return toProbe(findOut(name, syscallNumber));
}

/** The public shape of what was found out. */
export function toProbe(findings: Findings): Probe {
  const { path, kind, access, size, lock, medium, dax, mapSync, decision, forced, extents } = findings;
  const { freeBytes, hugePages, isStatic, staticWay } = findings;
  const refused = refusal(findings);
  const probe: { [key in keyof Probe]: Probe[key] | undefined } = {
    path,
    exists: kind !== "missing" && kind !== "unreachable",
    kind,
    access,
    refusal: refused && {
      code: refused.code,
      reason: refused.reason,
      ...(refused.hint !== undefined && { hint: refused.hint }),
    },
    size,
    lock: lock?.held,
    fileSystem: medium?.fileSystem,
    mount: medium?.mount,
    devices: medium?.leaves ?? [],
    dax,
    mapSync,
    granularity: decision?.granularity,
    forcedGranularity: forced,
    durability: decision?.durability,
    flushMethod: decision && methodName(decision.mode),
    cachesPersistent: medium?.eadr,
    extents,
    hugePages,
    freeBytes,
    isStatic,
    staticWay,
    checks: examine(findings),
  };
  return Object.fromEntries(
    Object.entries(probe).filter(([, value]) => value !== undefined),
  ) as unknown as Probe;
}
