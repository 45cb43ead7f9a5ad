/**
 * A notice that somebody is about to take a seal away, for whoever would be told that the file is static meanwhile.
 *
 * The lease of sole.ts says who is there, and keeps others out only for so long: then the kernel lets them in, and he who holds it may be
 * stopped anywhere. An open file description lock (fcntl(2), F_OFD_SETLK) stays until its holder is done or dead. It locks one byte that
 * no file has.
 *
 * He who takes a seal away gives notice first and asks then whether somebody came; he who asks whether a file is static has it open
 * first, and looks for a notice then, and at the flag last. So whoever is told is seen.
 *
 * @module
 */

import { library } from "../../ffi/library.ts";
import { nameInLocks, readText, type Stat } from "../system.ts";

/** What `daxfile1_notice` does, and its answers. */
const Notice = { give: 1, withdraw: 2, ask: 3 } as const, none = 0, given = 1;

/** The byte that is locked, as /proc/locks writes it: 2^62, in zig/seal.zig. */
const byte = "4611686018427387904";

/** Gives notice. The result is the kernel's: −errno where it cannot be given. */
export function giveNotice(file: number): number {
  return library().native.daxfile1_notice(file, Notice.give);
}

/** Takes the own notice back. */
export function withdrawNotice(file: number): void {
  library().native.daxfile1_notice(file, Notice.withdraw);
}

/** Whether somebody else has given notice, or that cannot be told. */
export function isNoticeGiven(file: number, stat: Stat): boolean {
  const answer = library().native.daxfile1_notice(file, Notice.ask);
  if (answer === none || answer === given) return answer === given;
  // A lock over the whole file, as lockf(3) takes one, hides others; proc_locks(5) shows all of them
  const locks = readText("/proc/locks");
  const end = ` ${nameInLocks(stat)} ${byte} ${byte}`;
  return locks === undefined || locks.split("\n").some((line) => line.endsWith(end));
}
