/**
 * The system call's number in this kernel: the caller's, the environment's, or our own kernel's where the kernel names the call. Never
 * a guess, for every wrong number is another call.
 *
 * @module
 */

import { library } from "../../ffi/library.ts";
import { DaxError } from "../errors.ts";
import { describe } from "../path.ts";
import { readText } from "../system.ts";

/** The number of our own kernel's call on x86-64 (kernel/ in this repository). */
const ourNumber = 548;

/** Numbers below are given to other calls, today or on x32; above them nothing has a meaning yet. */
const firstFreeNumber = 548;

/** Whoever asks may say the call's number. */
export interface CallOptions {
  /**
   * The number of daxctl(2) in this kernel, from 548 on, for a kernel that has the call under another number than this repository's, or
   * hides its list of symbols. It wins over the environment variable DAXFILE_SYSCALL_NR, which does the same. Where the kernel's list
   * shows that there is no such call, neither is used.
   */
  syscallNumber?: number;
}

/**
 * Checks a number that a caller gives.
 *
 * @throws {TypeError | RangeError} if it is none, or may belong to another call
 */
export function checkSyscallNumber(number: unknown): void {
  if (number === undefined) return;
  if (typeof number !== "number") throw new TypeError(`syscallNumber is a number, not ${describe(number)}`);
  if (!Number.isInteger(number) || number < firstFreeNumber || number > 0x7fff_ffff) {
    throw new RangeError(
      `syscallNumber ${number} is not an integer from ${firstFreeNumber} to ${0x7fff_ffff}: lower ones are other calls`,
    );
  }
}

/**
 * The call's number, or undefined where the kernel has none or does not tell.
 *
 * @param asked what the caller gave, checked
 * @throws {DaxError} ENOSYS if the number in DAXFILE_SYSCALL_NR is none, or may belong to another call
 */
export function syscallNumber(path: string, asked: number | undefined): number | undefined {
  const { runtime } = library();
  const named = kernelNamesCall();
  // The same program may meet a kernel without the call
  if (asked !== undefined) return named === false ? undefined : asked;
  const configured = runtime.environment("DAXFILE_SYSCALL_NR");
  if (configured === undefined || configured === "") {
    return named && runtime.platform === "linux-x86_64" ? ourNumber : undefined;
  }
  const fail = (reason: string) =>
    new DaxError({
      operation: "daxctl",
      error: "ENOSYS",
      path,
      reason,
      hint: "Unset it, or name daxctl's number",
    });
  const number = Number(configured);
  if (!/^\d+$/.test(configured) || number > 0x7fff_ffff) {
    throw fail(`DAXFILE_SYSCALL_NR is ${describe(configured)}, not a system call's number`);
  }
  if (number < firstFreeNumber) {
    throw fail(
      `DAXFILE_SYSCALL_NR is ${number}, which may be another call: numbers from ${firstFreeNumber} on are free`,
    );
  }
  // The same environment may meet a kernel without the call
  return named === false ? undefined : number;
}

/** What the kernel's list of symbols said, once it was asked: to read it takes some 50 ms, and it does not change. */
let listed: { named: boolean | undefined } | undefined;

/** As if nothing had been asked: a test's kernel is another one each time. */
export function forgetKernel(): void {
  listed = undefined;
}

/** Whether the kernel names the call among its functions; undefined where it does not tell. */
function kernelNamesCall(): boolean | undefined {
  if (listed === undefined) {
    // `__x64_sys_daxctl`, `__arm64_sys_daxctl`: the names are readable by everybody, only addresses are hidden
    const symbols = readText("/proc/kallsyms");
    listed = { named: symbols === undefined || symbols === "" ? undefined : /_sys_daxctl$/m.test(symbols) };
  }
  return listed.named;
}
