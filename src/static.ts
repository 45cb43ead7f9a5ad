/**
 * Static files: a file whose blocks cannot move. Here, what a program calls; which of the three ways does it, static/control.ts decides,
 * and docs/static-dax.md tells.
 *
 * @module
 */

import { DaxError } from "./errors.ts";
import { deviceDaxGeometry } from "./medium.ts";
import { describe, toPath } from "./path.ts";
import { type CallOptions, checkSyscallNumber, syscallNumber } from "./static/call.ts";
import { control } from "./static/control.ts";
import { isSealed } from "./static/seal.ts";
import { FileType, loadLibrary, O, openFile, statFile, withFile } from "./system.ts";

/** Report the file's state; comes before the check for the capability. */
export const DAXCTL_F_GET = 1;
/** Reserved in the proposal for switching DAX itself; the call answers EINVAL to it. */
export const DAXCTL_F_DAX = 2;
/** With {@linkcode daxctl}: make the file static; without it: make it ordinary again. */
export const DAXCTL_F_STATIC = 4;

/**
 * The system call that was proposed in 2017 ("[RFC PATCH 2/2] mm, fs: daxfile"), with its own ABI, whichever way gives the answer.
 *
 * Where the kernel has the call, it is called: the kernel's symbol list (/proc/kallsyms) names it, or `syscallNumber` or the
 * environment variable DAXFILE_SYSCALL_NR gives its number. Elsewhere the seal does the same as far as today's kernels enforce it: the immutable flag,
 * over a map of blocks that is proven before and after. A device-dax is static by nature. The differences are listed in
 * docs/static-dax.md. A wrong number is another call, so none is ever tried: the proposal's own, 333, is io_pgetevents since Linux 4.18.
 *
 * Blocks for as long as the file's map takes to read: a millisecond for some thousand extents.
 *
 * @param path the file: a string or a file URL
 * @param flags {@linkcode DAXCTL_F_GET}, {@linkcode DAXCTL_F_STATIC}, or 0 to make it ordinary again
 * @param align alignment of the file's extents in bytes, a power of two; 0 means the page size
 * @param options `syscallNumber`: the call's number, see {@linkcode CallOptions}
 * @returns for GET {@linkcode DAXCTL_F_STATIC} or 0; else 0
 * @throws {DaxError} EINVAL for other flags and alignments, for a file that is not DAX, has holes, blocks that were never written, are
 *   shared, or not so aligned; EPERM without CAP_LINUX_IMMUTABLE, and for an immutable file that daxfile did not make so; EBUSY for a
 *   swap file, and to clear a file that is open elsewhere; ENOTSUP where blocks cannot be kept in place; ESTALE if it was static
 *   and its blocks were moved; what open(2) answers where it cannot be opened to read and write
 * @throws {TypeError | RangeError} if `path` is no path, `flags` or `align` is no 32-bit integer, or the number may be another call's
 *
 * @example Ask whether a file is static
 * ```ts
 * import { daxctl, DAXCTL_F_GET, DAXCTL_F_STATIC, open } from "@daxfile/daxfile";
 *
 * open("example.dax", { create: true, size: 4096 }).close();
 * console.log(daxctl("example.dax", DAXCTL_F_GET) === DAXCTL_F_STATIC);
 * ```
 */
export function daxctl(path: string | URL, flags: number, align = 0, options: CallOptions = {}): number {
  const name = toPath(path);
  checkInt32("flags", flags);
  checkInt32("align", align);
  checkSyscallNumber(options.syscallNumber);
  loadLibrary("daxctl", name);
  return control(name, flags | 0, align | 0, options.syscallNumber); // Deno takes -0 for no integer
}

/**
 * Makes a file static: from then on its blocks cannot move, and a cache flush is all that its bytes need to be durable. It stays so
 * when it is closed. Sealed, it survives a reboot; by the system call, the next boot forgets it.
 *
 * @param path the file, on a file system with DAX
 * @param options `align`: alignment that its extents must have, in bytes; 0, the default, means the page size. `syscallNumber`: see
 *   {@linkcode CallOptions}
 * @throws {DaxError} as {@linkcode daxctl}
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
export function setStatic(path: string | URL, options: CallOptions & { align?: number } = {}): void {
  daxctl(path, DAXCTL_F_STATIC, options.align ?? 0, options);
}

/**
 * Makes a static file ordinary again. One that is ordinary stays as it is.
 *
 * @param path the file; nobody may have it mapped (by the seal: nor open)
 * @param options `syscallNumber`: see {@linkcode CallOptions}
 * @throws {DaxError} EBUSY if somebody has it; EPERM without CAP_LINUX_IMMUTABLE; ENOTSUP for a device-dax, which is always static
 *
 * @example
 * ```ts
 * import { clearStatic, isStatic, open } from "@daxfile/daxfile";
 *
 * open("example.dax", { create: true, size: 4096 }).close();
 * if (isStatic("example.dax")) clearStatic("example.dax");
 * ```
 */
export function clearStatic(path: string | URL, options: CallOptions = {}): void {
  daxctl(path, 0, 0, options);
}

/**
 * Whether a file's blocks cannot move. Of a sealed file this looks at the whole map, so true is a proof and no memory of one.
 *
 * The answer is good for as long as the caller has the file open: it cannot be cleared while anybody has.
 *
 * @param path the file; to be read is enough, but for a kernel with the system call, which wants it writable
 * @param options `syscallNumber`: see {@linkcode CallOptions}
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
export function isStatic(path: string | URL, { syscallNumber: asked }: CallOptions = {}): boolean {
  const name = toPath(path);
  checkSyscallNumber(asked);
  loadLibrary("isStatic", name);
  const file = openFile(name, O.readOnly | O.nonblock);
  if (file < 0) throw new DaxError({ operation: "isStatic", error: -file, path: name });
  return withFile(file, () => {
    const stat = statFile(file);
    if (typeof stat === "number") throw new DaxError({ operation: "isStatic", error: -stat, path: name });
    if (deviceDaxGeometry(stat) !== undefined) return true;
    if ((stat.mode & FileType.mask) !== FileType.regular) return false;
    if (stat.immutable) return isSealed(file, stat);
    const number = syscallNumber(name, asked);
    return number !== undefined && control(name, DAXCTL_F_GET, 0, asked) === DAXCTL_F_STATIC;
  });
}

function checkInt32(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${describe(value)}`);
  if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff) {
    throw new RangeError(`${name} is a 32-bit integer, not ${value}`);
  }
}
