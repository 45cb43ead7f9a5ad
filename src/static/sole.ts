/**
 * Whether a file is open nowhere else: the kernel gives a write lease only to the one who alone has it open, mappings counted
 * (fcntl(2), F_SETLEASE). While the lease is held, who opens the file waits, or is turned away.
 *
 * @module
 */

import { library } from "../../ffi/library.ts";
import { meaningOf } from "../errno.ts";
import { Lease } from "./inode.ts";
import type { Refusal } from "./refusal.ts";

const EACCES = 13, EAGAIN = 11, EBUSY = 16, EINVAL = 22;

/**
 * Takes the lease; {@linkcode release} gives it back. The descriptor must be the only one of this process, too.
 *
 * @returns undefined where it is taken; EBUSY where somebody else has the file open or mapped
 */
export function takeSole(file: number): Refusal | undefined {
  const result = library().native.daxfile1_lease(file, Lease.take);
  if (result >= 0) return undefined;
  switch (-result) {
    case EAGAIN:
    case EBUSY:
      return {
        error: "EBUSY",
        reason: "another opener has it open or mapped",
        hint: "Close it there; `fuser -v FILE` and `grep FILE /proc/*/maps` say who it is",
      };
    case EACCES: {
      const reason = "whether it is open elsewhere is told to its owner only (a lease, fcntl(2))";
      return { error: "EPERM", reason, hint: "Do it as its owner, or with the capability CAP_LEASE" };
    }
    case EINVAL: {
      const reason = "whether it is open elsewhere cannot be asked: leases are off or not known here";
      return { error: "ENOTSUP", reason, hint: "`sysctl fs.leases-enable=1` switches them on" };
    }
    default: {
      const reason = `whether it is open elsewhere cannot be asked: ${
        meaningOf(-result)
      } (a lease, fcntl(2))`;
      return { error: "ENOTSUP", reason };
    }
  }
}

/** Whether nobody has tried to open the file since {@linkcode takeSole}. */
export function stillSole(file: number): boolean {
  return library().native.daxfile1_lease(file, Lease.ask) === Lease.held;
}

/** Gives the lease back. */
export function release(file: number): void {
  library().native.daxfile1_lease(file, Lease.release);
}
