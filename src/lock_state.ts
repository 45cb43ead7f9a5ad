/**
 * Who holds the advisory lock of a file, found out without keeping it.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import type { DaxError } from "./errors.ts";
import { lockError } from "./open.ts";
import { Lock, nameInLocks, readText, type Stat } from "./system.ts";

/** What another opener would meet. */
export interface LockState {
  /** `free`, or what somebody holds; `unknown` where the file system has no locks. */
  readonly held: "free" | "shared" | "exclusive" | "unknown";
  /** The process that holds it, as far as the kernel shows it: `4711 (deno)`. */
  readonly holder?: string;
  /** What open would throw. */
  readonly error?: DaxError;
}

const EWOULDBLOCK = 11;

/**
 * Tries a shared lock, which only an exclusive one refuses, and lets go of it. Who holds a shared one is then seen in /proc/locks: to
 * try an exclusive lock would turn away a reader who comes at that moment.
 */
export function lockState(file: number, path: string, stat: Pick<Stat, "device" | "inode">): LockState {
  const { native } = library();
  const result = native.daxfile1_lock(file, Lock.shared | Lock.nonblock);
  if (result === 0) native.daxfile1_lock(file, Lock.unlock);
  else if (result !== -EWOULDBLOCK) {
    return { held: "unknown", error: lockError(-result, path, "exclusive") };
  }
  const holder = holderOf(stat, readText("/proc/locks") ?? "");
  if (result === 0 && holder === undefined) return { held: "free" };
  return {
    held: result === 0 ? "shared" : "exclusive",
    ...(holder !== undefined && { holder }),
    error: lockError(EWOULDBLOCK, path, "exclusive"),
  };
}

/**
 * The first process that holds a lock of flock(2) on a file; only those of this process's own namespace are shown. The format is
 * proc_locks(5): `1: FLOCK ADVISORY WRITE 4711 fd:01:123456 0 EOF`.
 */
export function holderOf(stat: Pick<Stat, "device" | "inode">, locks: string): string | undefined {
  const file = nameInLocks(stat);
  for (const line of locks.split("\n")) {
    // A process that waits has an arrow before FLOCK
    const [, kind, , , pid, where] = line.trim().split(/\s+/);
    if (kind !== "FLOCK" || where !== file) continue;
    const name = readText(`/proc/${pid}/comm`)?.trim();
    return name === undefined ? pid : `${pid} (${name})`;
  }
  return undefined;
}
