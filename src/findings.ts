/**
 * What can be found out about a path without changing anything there: each question is asked of the kernel by the function that open
 * asks it with. What the answers mean is for checks.ts to say.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { createError } from "./create.ts";
import { offersDax } from "./device.ts";
import { decide, type Decision, type Granularity } from "./durability.ts";
import { DaxError } from "./errors.ts";
import { describeExtents, type Extents } from "./extents.ts";
import { countHugePages, hugeBytes, type HugePages } from "./huge_pages.ts";
import { unmapFile } from "./mapping.ts";
import { blockDeviceOf, deviceDaxGeometry, kernelFiles, type Medium, mediumOf } from "./medium.ts";
import { mappableBytes, mapShared, openError } from "./open.ts";
import { forcedGranularity, pageBytes } from "./options.ts";
import { type LockState, lockState } from "./lock_state.ts";
import { parentOf } from "./path.ts";
import { outlook, type StaticWay } from "./static/outlook.ts";
import { runsOf } from "./static/block_map.ts";
import { physicalBase } from "./static/physical.ts";
import { isRefusal, type Refusal } from "./static/refusal.ts";
import {
  fileExtents,
  FileType,
  freeBytes,
  O,
  openFile,
  openUnnamed,
  readLink,
  type Stat,
  statFile,
  withFile,
} from "./system.ts";

/** What a path names. */
export type PathKind = "file" | "directory" | "device-dax" | "missing" | "other" | "unreachable";

/** What this user may do with a file: open it to write, only to read, or not at all. */
export type Access = "write" | "read" | "none";

/** Everything that was found out; what is absent could not be asked. */
export interface Findings {
  readonly path: string;
  /** The system call's number, if the caller gave one. */
  readonly syscallNumber?: number | undefined;
  kind: PathKind;
  /** For a directory or a missing file: whether a new file can be made. */
  access: Access;
  /** Length in bytes of a file or device-dax. */
  size?: number;
  /** Of the file, or of the directory where one would be made. */
  stat?: Stat;
  /** Why it cannot be opened to write, or made. */
  openError?: DaxError;
  lock?: LockState;
  /** Why what was opened cannot be mapped: it is empty, or of a kind that cannot be. */
  mapError?: DaxError;
  medium?: Medium;
  /** Whether the block device can be mapped directly. */
  offersDax?: boolean;
  dax?: boolean;
  mapSync?: boolean;
  decision?: Decision;
  /** The decision, if nothing were forced. */
  natural?: Decision;
  forced?: Granularity;
  extents?: Extents;
  extentsError?: DaxError;
  /** Only of a file with DAX. */
  hugePages?: HugePages;
  /** What the file system still has, in bytes. */
  freeBytes?: number;
  isStatic: boolean;
  /** By which way it is static, or could be. */
  staticWay?: StaticWay;
  /** Why it is not static and cannot be. */
  staticRefusal?: Refusal;
  /** Why nothing could be tried. */
  untried?: string;
}

const EPERM = 1, ENOENT = 2, ENXIO = 6, EISDIR = 21, EOPNOTSUPP = 95;

/** What is asked of open: to write the file, and to make it if there is none. */
const asOpen = { create: true, readOnly: false };

/** Looks at a path. The native library is loaded. */
export function findOut(path: string, syscallNumber: number | undefined): Findings {
  const findings: Findings = { path, syscallNumber, kind: "unreachable", access: "none", isStatic: false };
  const forced = forcedGranularity(undefined);
  if (forced !== undefined) findings.forced = forced;
  // A descriptor that only names the file: a pipe is not waited for, a device not switched on
  const named = openFile(path, O.path);
  if (named === -ENOENT) return findOutAboutNew(path, parentOf(path), { ...findings, kind: "missing" });
  if (named < 0) {
    findings.openError = openError(-named, path, asOpen);
    return findings;
  }
  return withFile(named, () => {
    const stat = statFile(named);
    if (typeof stat === "number") {
      findings.openError = openError(-stat, path, asOpen);
      return findings;
    }
    if ((stat.mode & FileType.mask) === FileType.directory) {
      return findOutAboutNew(path, path, { ...findings, kind: "directory" });
    }
    return findOutAboutOld(named, { ...findings, stat });
  });
}

/** An existing file; `named` may not be read. */
function findOutAboutOld(named: number, findings: Findings & { stat: Stat }): Findings {
  const { path, stat } = findings;
  const geometry = deviceDaxGeometry(stat);
  const type = stat.mode & FileType.mask;
  const regular = type === FileType.regular;
  findings.kind = geometry !== undefined ? "device-dax" : regular ? "file" : "other";
  if (type === FileType.socket) {
    findings.openError = openError(ENXIO, path, asOpen);
    return findings;
  }
  try {
    findings.size = mappableBytes(stat, geometry?.byteLength, path, { size: undefined });
  } catch (error) {
    const refusal = caught(error);
    if (findings.kind === "other") return { ...findings, openError: refusal };
    findings.mapError = refusal;
    findings.size = 0;
  }
  addMedium(named, stat, findings);
  let file = openQuietly(path, O.readWrite);
  if (file < 0) {
    findings.openError = openError(-file, path, asOpen);
    file = openQuietly(path, O.readOnly);
  }
  if (file < 0) return findings;
  return withFile(file, () => {
    findings.access = findings.openError === undefined ? "write" : "read";
    findings.lock = lockState(file, path, stat);
    addMapping(file, findings.size!, findings);
    if (regular) addExtents(file, findings);
    addStatic(file, findings, false);
    return findings;
  });
}

/** A file that could be made in a directory: one without a name is, and vanishes. */
function findOutAboutNew(path: string, directory: string, findings: Findings): Findings {
  const parent = openFile(directory, O.path);
  if (parent >= 0) {
    withFile(parent, () => {
      const stat = statFile(parent);
      if (typeof stat !== "number") {
        findings.stat = stat;
        addMedium(parent, stat, findings);
      }
    });
  }
  // Names that nothing has and nothing can get
  if (findings.kind === "missing") {
    if (readLink(path) !== undefined) {
      findings.openError = openError(ENOENT, path, asOpen);
      return findings;
    }
    if (path.endsWith("/")) {
      findings.openError = createError(EISDIR, path, directory);
      return findings;
    }
  }
  const file = openUnnamed(directory, 0o600);
  if (file === -EOPNOTSUPP || file === -EISDIR) {
    findings.access = "write";
    findings.untried =
      `${findings.medium?.fileSystem ?? "the file system"} has no files without a name (O_TMPFILE), ` +
      "so nothing can be tried without leaving a file behind";
  } else if (file < 0) {
    findings.openError = createError(-file, path, directory);
  } else {
    withFile(file, () => {
      findings.access = "write";
      const stat = statFile(file);
      if (typeof stat !== "number") {
        findings.stat = stat;
        addMedium(file, stat, findings);
      }
      addMapping(file, 0, findings);
      addStatic(file, findings, true);
    });
  }
  return findings;
}

function addMedium(file: number, stat: Stat, findings: Findings): void {
  findings.medium = mediumOf(file, stat);
  const offered = offersDax(blockDeviceOf(stat, findings.medium), kernelFiles);
  if (offered !== undefined && findings.kind !== "device-dax") findings.offersDax = offered;
  const dax = findings.kind === "device-dax" ? true : stat.dax;
  if (dax !== undefined) findings.dax = dax;
  const free = freeBytes(file);
  if (free >= 0 && findings.kind !== "device-dax") findings.freeBytes = free;
}

/** Maps as open does, but to be read, and touches nothing: an empty file can be mapped as well, as long as nobody looks. */
function addMapping(file: number, size: number, findings: Findings): void {
  const byteLength = size === 0 ? pageBytes() : size;
  const { path, medium } = findings;
  if (medium === undefined) return;
  try {
    const { address, mapSync } = mapShared(file, byteLength, path, medium, false);
    unmapFile(address, byteLength);
    findings.mapSync = mapSync;
    const cpu = library().native.daxfile1_cpu();
    findings.decision = decide(medium, mapSync, cpu, findings.forced);
    findings.natural = decide(medium, mapSync, cpu);
  } catch (error) {
    findings.mapError ??= caught(error);
  }
}

function addExtents(file: number, findings: Findings): void {
  const { path, size = 0, stat, medium } = findings;
  const extents = fileExtents(file, false);
  if (typeof extents === "number") {
    findings.extentsError = new DaxError({ operation: "map blocks of", error: -extents, path });
    return;
  }
  findings.extents = describeExtents(extents, size);
  if (!findings.dax || stat === undefined || medium === undefined) return;
  const found = physicalBase(blockDeviceOf(stat, medium), kernelFiles);
  findings.hugePages = isRefusal(found)
    ? { total: Math.floor(size / hugeBytes), possible: 0, unknown: found.reason }
    : { ...countHugePages(runsOf(extents, size), size, found.base), base: found.base };
}

function addStatic(file: number, findings: Findings, isNew: boolean): void {
  if (findings.kind === "device-dax") {
    findings.isStatic = true;
    findings.staticWay = "device-dax";
    return;
  }
  const { path, stat, medium } = findings;
  if (stat === undefined || medium === undefined) return;
  const { isStatic, way, refusal } = outlook({ file, path, stat, medium }, isNew, findings.syscallNumber);
  findings.isStatic = isStatic;
  if (way !== undefined) findings.staticWay = way;
  if (refusal !== undefined) findings.staticRefusal = refusal;
}

/** Opens without noting the time of access, where this user may. */
function openQuietly(path: string, flags: number): number {
  const file = openFile(path, flags | O.nonblock | O.noAccessTime);
  return file === -EPERM ? openFile(path, flags | O.nonblock) : file;
}

function caught(error: unknown): DaxError {
  if (error instanceof DaxError) return error;
  throw error;
}
