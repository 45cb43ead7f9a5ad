/**
 * Opening a file: descriptor, lock, length, allocation, mapping, and the decision how it is written back. In this order, so that
 * whatever is refused leaves the file as it was.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { allocateHoles, createFile } from "./create.ts";
import { needHost } from "./device.ts";
import { decide, type Decision, granularities, methodName } from "./durability.ts";
import { DaxError } from "./errors.ts";
import { attach, type DaxFile } from "./file.ts";
import { Guard } from "./guard.ts";
import { mapFile, Mapping, unmapFile } from "./mapping.ts";
import { deviceDaxGeometry, type Medium, mediumOf } from "./medium.ts";
import {
  type CheckedOptions,
  checkOptions,
  forcedGranularity,
  type OpenOptions,
  pageBytes,
} from "./options.ts";
import { toPath } from "./path.ts";
import { isStatic } from "./static.ts";
import type { Subject } from "./static/check.ts";
import { carriesSeal } from "./static/control.ts";
import { hold, mustBeStatic, planNew, putBack, reopen, type Reopened } from "./static/hold.ts";
import type { Marker } from "./static/marker.ts";
import { closeFile, FileType, loadLibrary, Lock, O, openFile, type Stat, statFile } from "./system.ts";

/**
 * Opens a file as memory, and makes it first if that is asked.
 *
 * A new file is allocated in full and durable together with its name when this returns. An existing one gets its holes
 * allocated, unless it is `sparse` or `readOnly`. It is locked against other writers until it is closed.
 *
 * With `static`, a file becomes static and stays so when it is closed; sealed, after a reboot too. A new one is written in full. See
 * docs/static-dax.md for what each system enforces.
 *
 * Blocks for as long as the disk takes to allocate and to sync a new file, and with `static` to read the map of its blocks; else some
 * tens of microseconds.
 *
 * @param path the file: a string or a file URL; a device-dax (`/dev/dax0.0`) too
 * @param options what is asked, see {@linkcode OpenOptions}
 * @returns the open file
 * @throws {TypeError | RangeError} if an option is wrong
 * @throws {DaxError} ENOENT, EACCES, EISDIR, ENOSPC, … as the system answers; EBUSY if another has locked it, or has a sealed file open;
 *   EINVAL if the file is empty or has another size than asked; ENODEV if it cannot be mapped; ENOTSUP if the granularity or static mode
 *   cannot be had; EPERM for a sealed file without `static`, for `static: true` without CAP_LINUX_IMMUTABLE, and without
 *   `--allow-ffi` in Deno; ESTALE if it was static and its blocks were moved since; ENOSYS where there is no native library for this system
 *
 * @example
 * ```ts
 * import { open } from "@daxfile/daxfile";
 *
 * using file = open("example.dax", { create: true, size: 1 << 20 });
 * const numbers = file.view(Float64Array);
 * numbers[0] = Math.PI;
 * file.persist(0, 8);
 * ```
 */
export function open(path: string | URL, options: OpenOptions = {}): DaxFile {
  const name = toPath(path);
  const checked = checkOptions(options);
  loadLibrary("open", name);
  const { create, exclusive, readOnly, size, sparse, mode, align: alignBytes } = checked;
  const flags = (readOnly ? O.readOnly : O.readWrite) | O.nonblock; // nonblock: a pipe must not wait for its other end
  checkPageAlign(checked);
  let file = openFile(name, flags);
  if (file === -1 /* EPERM: perhaps it is sealed */ && !exclusive && checked.static !== false) {
    const reopened = reopen(name, checked.align, (file) => lock(file, name, checked.lock));
    if (reopened !== undefined) return openReopened(reopened, name, checked);
  }
  if (file === -2 /* ENOENT */ && create) {
    if (size === undefined) throw new TypeError(`Cannot create "${name}" without a size`);
    const becomesStatic = (file: number) => planNew(file, name, checked);
    const creation = { size, sparse, mode, alignBytes, becomesStatic };
    const made = createFile(name, creation, (file) => openDescriptor(file, name, checked));
    if (made !== undefined) return made;
    // Somebody else was faster; still nothing: a symbolic link that leads nowhere
    file = exclusive ? -17 : openFile(name, flags);
  } else if (exclusive && (file >= 0 || file === -1)) {
    if (file >= 0) closeFile(file);
    file = -17;
  }
  if (file < 0) throw openError(-file, name, checked);
  try {
    return openDescriptor(file, name, checked);
  } catch (error) {
    closeFile(file);
    throw error;
  }
}

/** A sealed file whose seal is off: whatever goes wrong, it is put back. */
function openReopened({ file, marker }: Reopened, path: string, options: CheckedOptions): DaxFile {
  try {
    return openDescriptor(file, path, options, marker);
  } catch (error) {
    putBack(file, path, marker);
    closeFile(file);
    throw error;
  }
}

/** `marker`: of a file that {@linkcode reopen} opened, and locked. */
function openDescriptor(file: number, path: string, options: CheckedOptions, marker?: Marker): DaxFile {
  const { readOnly } = options;
  if (marker === undefined) lock(file, path, options.lock);
  const stat = statFile(file);
  if (typeof stat === "number") throw new DaxError({ operation: "open", error: -stat, path });
  const geometry = deviceDaxGeometry(stat);
  const byteLength = mappableBytes(stat, geometry?.byteLength, path, options);
  if (readOnly && geometry !== undefined) {
    const reason =
      "a device-dax can only be mapped shared, and a store into a view that may only be read would end the process";
    throw new DaxError({
      operation: "open",
      error: "ENOTSUP",
      path,
      reason,
      hint: "Open it without readOnly",
    });
  }
  const medium = mediumOf(file, stat);
  const mapped = mapShared(file, byteLength, path, medium, !readOnly);
  let { address } = mapped;
  try {
    const decision = decide(
      medium,
      mapped.mapSync,
      library().native.daxfile1_cpu(),
      forcedGranularity(options.forced),
    );
    checkGranularity(decision, path, options);
    if (readOnly) {
      if (options.static === true && !isStaticNow(file, options)) throw mustBeStatic(path);
      address = mapPrivately(file, byteLength, path, address);
    }
    const guard = options.guard ? new Guard(address, byteLength, path) : undefined;
    const subject = { file, path, stat, medium };
    const held = readOnly || geometry !== undefined ? undefined : settle(subject, options, guard, marker);
    const mapping = new Mapping(address, byteLength, held ?? file, guard);
    const known = geometry !== undefined || held !== undefined;
    const isStatic = () => known || isStaticNow(mapping.file, options);
    if (held !== undefined && held !== file) closeFile(file);
    return attach({ path, mapping, readOnly, mapSync: mapped.mapSync, isStatic, decision, medium, guard });
  } catch (error) {
    unmapFile(address, byteLength);
    throw error;
  }
}

/**
 * Makes a mapped file static, or else allocates what it has not, as the options say.
 *
 * @returns the descriptor to keep, if it is static
 */
function settle(
  subject: Subject,
  options: CheckedOptions,
  guard: Guard | undefined,
  marker: Marker | undefined,
): number | undefined {
  try {
    const held = options.static === false ? undefined : hold(subject, options, marker);
    if (held === undefined && !options.sparse) fillHoles(subject, options);
    return held;
  } catch (error) {
    guard?.close();
    throw error;
  }
}

/** A file that the kernel keeps static has no holes, and refuses to be allocated. */
function fillHoles({ file, path, stat }: Subject, options: CheckedOptions): void {
  try {
    allocateHoles(file, path, stat.size);
  } catch (error) {
    if (!(error instanceof DaxError && error.code === "ETXTBSY" && isStaticNow(file, options))) throw error;
  }
}

/** Asked anew each time, of the very file. */
function isStaticNow(file: number, { syscallNumber }: CheckedOptions): boolean {
  try {
    return isStatic(`/proc/self/fd/${file}`, syscallNumber === undefined ? {} : { syscallNumber });
  } catch (error) {
    if (error instanceof DaxError) return false;
    throw error;
  }
}

function lock(file: number, path: string, kind: CheckedOptions["lock"]): void {
  if (kind === "none") return;
  const result = library().native.daxfile1_lock(file, Lock[kind] | Lock.nonblock);
  if (result < 0) throw lockError(-result, path, kind);
}

/** What is thrown when a lock cannot be had. */
export function lockError(errno: number, path: string, kind: "exclusive" | "shared"): DaxError {
  if (errno === 11 /* EWOULDBLOCK */) {
    const reason = `another opener holds a lock on it, and ${
      kind === "shared" ? "a shared" : "an exclusive"
    } one was asked for`;
    const hint = 'Close it there, or open it with lock: "none" if the programs agree by other means';
    return new DaxError({ operation: "open", error: "EBUSY", path, reason, hint });
  }
  const hint = 'The file system has no locks: open it with lock: "none"';
  return new DaxError({ operation: "lock", error: errno, path, hint });
}

/** How many bytes will be mapped; refuses what is no file of at least a byte, and a size that is not the file's. */
export function mappableBytes(
  stat: Stat,
  deviceBytes: number | undefined,
  path: string,
  { size }: Pick<CheckedOptions, "size">,
): number {
  const type = stat.mode & FileType.mask;
  if (type === FileType.directory) {
    throw new DaxError({ operation: "open", error: "EISDIR", path, hint: "Name a file in it" });
  }
  if (type !== FileType.regular && deviceBytes === undefined) {
    const reason = "it is no regular file and no device-dax";
    const hint = "Name a file, or a device such as /dev/dax0.0";
    throw new DaxError({ operation: "open", error: "ENODEV", path, reason, hint });
  }
  const byteLength = deviceBytes ?? stat.size;
  if (byteLength === 0) {
    const hint = "Remove it, then create it with a size";
    throw new DaxError({ operation: "open", error: "EINVAL", path, reason: "the file is empty", hint });
  }
  if (size !== undefined && size !== byteLength) {
    const reason = `it has ${byteLength} bytes, and size ${size} was asked for`;
    const hint = "Leave size out to open it as it is, or remove it to make it anew";
    throw new DaxError({ operation: "open", error: "EINVAL", path, reason, hint });
  }
  return byteLength;
}

/** The page size is the least alignment there is. */
function checkPageAlign({ align }: CheckedOptions): void {
  if (align !== 0 && align < pageBytes()) {
    throw new RangeError(`align ${align} is less than the page size, ${pageBytes()}`);
  }
}

/** Maps a file shared, with MAP_SYNC where the kernel gives it and can be believed. */
export function mapShared(
  file: number,
  byteLength: number,
  path: string,
  medium: Pick<Medium, "leaves">,
  writable: boolean,
): { address: number; mapSync: boolean } {
  let address = needHost(medium.leaves) ? -95 : mapFile(file, byteLength, { writable, sync: true });
  const mapSync = address >= 0;
  // EOPNOTSUPP: not for this file; EINVAL: a kernel older than 4.15 (mmap(2)). Any other refusal is meant
  if (address === -95 || address === -22) address = mapFile(file, byteLength, { writable });
  if (address < 0) throw mapError(address, byteLength, path);
  return { address, mapSync };
}

/** Replaces the mapping that told what the medium gives by one whose stores stay in this process. */
function mapPrivately(file: number, byteLength: number, path: string, address: number): number {
  const own = mapFile(file, byteLength, { writable: true, private: true });
  if (own < 0) throw mapError(own, byteLength, path);
  unmapFile(address, byteLength);
  return own;
}

function mapError(result: number, byteLength: number, path: string): DaxError {
  const hint = result === -12 ? `${byteLength} bytes of address space were asked for` : undefined;
  return new DaxError({ operation: "map", error: -result, path, hint });
}

function checkGranularity(decision: Decision, path: string, { coarsest }: CheckedOptions): void {
  if (granularities.indexOf(decision.granularity) <= granularities.indexOf(coarsest)) return;
  throw new DaxError({
    operation: "open",
    error: "ENOTSUP",
    path,
    reason:
      `granularity ${coarsest} was asked for, and it has ${decision.granularity} (${
        methodName(decision.mode)
      }): ` +
      `${decision.granularityReason}`,
    hint: "`daxfile doctor` says what is missing",
  });
}

/** What is thrown when the system does not open a file. */
export function openError(
  errno: number,
  path: string,
  options: Pick<CheckedOptions, "readOnly" | "create">,
): DaxError {
  if (errno === 1 /* EPERM */ && carriesSeal(path)) {
    const reason = "it is static, sealed by daxfile";
    const hint = "Open it with static: true, or make it ordinary: `daxfile static off FILE`";
    return new DaxError({ operation: "open", error: errno, path, reason, hint });
  }
  return new DaxError({ operation: "open", error: errno, path, hint: openHint(errno, options) });
}

function openHint(
  errno: number,
  { readOnly, create }: Pick<CheckedOptions, "readOnly" | "create">,
): string | undefined {
  switch (errno) {
    case 1:
      return "It may be immutable: `lsattr FILE` shows an i then, and `chattr -i FILE` takes it away";
    case 2:
      return create
        ? "It is a symbolic link that leads nowhere: remove it"
        : "Give create: true and a size to make it";
    case 6:
      return "It is a socket, or a device that is not there";
    case 13:
      return readOnly
        ? "This user may not read it"
        : "This user may not write it; readOnly: true may be enough";
    case 17:
      return "Leave exclusive out to open it";
    case 20:
      return "One of the directories in the path is a file";
    case 21:
      return "Name a file in it";
    case 24:
      return "Close some, or raise the limit with ulimit -n";
    case 26:
      return "It is a swap file or a program that runs";
    case 30:
      return "readOnly: true opens it to be read";
    case 36:
      return "A name has at most 255 bytes";
    case 40:
      return "Its symbolic links lead back to themselves";
    default:
      return undefined;
  }
}
