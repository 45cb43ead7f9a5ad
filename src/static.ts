/**
 * Static files: a file whose blocks cannot move. daxctl is the system call that was proposed for it in 2017 ("[RFC PATCH 2/2] mm,
 * fs: daxfile"); it is in no released kernel, so it is called only where its number is known, never under a guessed one.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { DaxError } from "./errors.ts";
import { deviceDaxGeometry } from "./medium.ts";
import { describe, toPath } from "./path.ts";
import { callDaxctl, loadLibrary, O, openFile, readText, statFile, withFile } from "./system.ts";

/** Report the file's state; comes before the check for the capability. */
export const DAXCTL_F_GET = 1;
/** Reserved in the proposal for switching DAX itself; the call answers EINVAL to it. */
export const DAXCTL_F_DAX = 2;
/** With {@linkcode daxctl}: make the file static; without it: make it ordinary again. */
export const DAXCTL_F_STATIC = 4;

/** The number of our own kernel's call on x86-64 (kernel/ in this repository). */
const ourNumber = 548;

/** Numbers below are given to other calls, today or on x32; above them nothing has a meaning yet. */
const firstFreeNumber = 548;

/** What to do where the kernel has no such call. */
export const noCallHint =
  "Run a kernel that has daxctl(2) and name its number in DAXFILE_SYSCALL_NR, use device-dax, or open without static";

/**
 * The system call, with its own ABI: what goes in goes to the kernel, what comes back is its answer.
 *
 * It is issued only under a number that is known to be daxctl's: the environment variable DAXFILE_SYSCALL_NR names it, or the
 * kernel's symbol list (/proc/kallsyms) has the call. The number in the proposal, 333, has been another call since Linux 4.18.
 *
 * @param path the file: a string or a file URL
 * @param flags {@linkcode DAXCTL_F_GET}, {@linkcode DAXCTL_F_STATIC} or 0
 * @param align alignment of the file's extents in bytes, a power of two; 0 means the page size
 * @returns for GET {@linkcode DAXCTL_F_STATIC} or 0; else 0
 * @throws {DaxError} ENOSYS where the kernel has no such call; EINVAL, EPERM, EBUSY, ENOENT, … as the kernel answers
 * @throws {TypeError | RangeError} if `path` is no path, or `flags` or `align` is no 32-bit integer
 *
 * @example Ask whether a file is static
 * ```ts
 * import { DaxError, daxctl, DAXCTL_F_GET, DAXCTL_F_STATIC } from "@daxfile/daxfile";
 *
 * try {
 *   console.log(daxctl("data.dax", DAXCTL_F_GET) === DAXCTL_F_STATIC);
 * } catch (error) {
 *   if (!(error instanceof DaxError)) throw error;
 *   console.log(error.message); // on today's kernels: not implemented (ENOSYS)
 * }
 * ```
 */
export function daxctl(path: string | URL, flags: number, align = 0): number {
  const name = toPath(path);
  checkInt32("flags", flags);
  checkInt32("align", align);
  loadLibrary("daxctl", name);
  const result = callDaxctl(syscallNumber(name), name, flags | 0, align | 0); // Deno takes -0 for no integer
  if (result < 0) {
    throw new DaxError({ operation: "daxctl", error: -result, path: name, hint: hintFor(-result) });
  }
  return result;
}

/**
 * Makes a file static: from then on its blocks cannot move, and a cache flush is all that its bytes need to be durable.
 *
 * @param path the file, on a file system with DAX
 * @param options `align`: alignment that its extents must have, in bytes; 0, the default, means the page size
 * @throws {DaxError} ENOSYS where the kernel has no daxctl(2); EPERM without CAP_LINUX_IMMUTABLE; EINVAL if the file has holes, is
 *   not DAX or not so aligned
 *
 * @example
 * ```ts
 * import { DaxError, isStatic, setStatic } from "@daxfile/daxfile";
 *
 * try {
 *   setStatic("data.dax", { align: 2 ** 21 });
 *   console.log(isStatic("data.dax"));
 * } catch (error) {
 *   if (!(error instanceof DaxError)) throw error;
 *   console.log(error.code, error.hint);
 * }
 * ```
 */
export function setStatic(path: string | URL, options: { align?: number } = {}): void {
  daxctl(path, DAXCTL_F_STATIC, options.align ?? 0);
}

/**
 * Makes a static file ordinary again.
 *
 * @param path the file
 * @throws {DaxError} ENOSYS where the kernel has no daxctl(2); EPERM without CAP_LINUX_IMMUTABLE
 *
 * @example
 * ```ts
 * import { clearStatic, isStatic, open } from "@daxfile/daxfile";
 *
 * open("example.dax", { create: true, size: 4096 }).close();
 * if (isStatic("example.dax")) clearStatic("example.dax");
 * ```
 */
export function clearStatic(path: string | URL): void {
  daxctl(path, 0);
}

/**
 * Whether a file's blocks cannot move. A device-dax is always static; where the kernel has no daxctl(2) no file is.
 *
 * @param path the file
 * @throws {DaxError} if it cannot be opened
 *
 * @example
 * ```ts
 * import { isStatic, open } from "@daxfile/daxfile";
 *
 * open("example.dax", { create: true, size: 4096 }).close();
 * console.log(isStatic("example.dax"));
 * ```
 */
export function isStatic(path: string | URL): boolean {
  const name = toPath(path);
  loadLibrary("isStatic", name);
  const file = openFile(name, O.readOnly | O.nonblock);
  if (file < 0) throw new DaxError({ operation: "isStatic", error: -file, path: name });
  const stat = withFile(file, statFile);
  if (typeof stat !== "number" && deviceDaxGeometry(stat) !== undefined) return true;
  try {
    return daxctl(name, DAXCTL_F_GET) === DAXCTL_F_STATIC;
  } catch (error) {
    // No call: nothing can have made it static
    if (error instanceof DaxError && error.code === "ENOSYS") return false;
    throw error;
  }
}

/**
 * The call's number: configured, or our own kernel's where the kernel names the call.
 *
 * @throws {DaxError} ENOSYS if it is not known, or if the configured number belongs to another call
 */
function syscallNumber(path: string): number {
  const configured = library().runtime.environment("DAXFILE_SYSCALL_NR");
  const fail = (reason: string) =>
    new DaxError({ operation: "daxctl", error: "ENOSYS", path, reason, hint: noCallHint });
  const named = kernelNamesCall();
  if (named === false) throw fail("this kernel has no daxctl(2)");
  if (configured === undefined || configured === "") {
    if (named && library().runtime.platform === "linux-x86_64") return ourNumber;
    throw fail("the number of daxctl(2) in this kernel is not known");
  }
  const number = Number(configured);
  if (!/^\d+$/.test(configured) || number > 0x7fff_ffff) {
    throw fail(`DAXFILE_SYSCALL_NR is ${describe(configured)}, not a system call's number`);
  }
  if (number < firstFreeNumber) {
    throw fail(
      `DAXFILE_SYSCALL_NR is ${number}, which may be another call: numbers from ${firstFreeNumber} on are free`,
    );
  }
  return number;
}

/** What the kernel's list of symbols said, once it was asked: to read it takes some 50 ms, and it does not change. */
let listed: { named: boolean | undefined } | undefined;

/** Whether the kernel names the call among its functions; undefined where it does not tell. */
function kernelNamesCall(): boolean | undefined {
  if (listed === undefined) {
    // `__x64_sys_daxctl`, `__arm64_sys_daxctl`: the names are readable by everybody, only addresses are hidden
    const symbols = readText("/proc/kallsyms");
    listed = { named: symbols === undefined || symbols === "" ? undefined : /_sys_daxctl$/m.test(symbols) };
  }
  return listed.named;
}

function hintFor(errno: number): string | undefined {
  if (errno === 1) return "It needs the capability CAP_LINUX_IMMUTABLE: run it as root";
  if (errno === 38) return noCallHint;
  return undefined;
}

function checkInt32(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${describe(value)}`);
  if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff) {
    throw new RangeError(`${name} is a 32-bit integer, not ${value}`);
  }
}
