/**
 * The error numbers of Linux that daxfile meets, in words; the same on x86-64 and aarch64 (include/uapi/asm-generic/errno*.h).
 *
 * @module
 */

/** A name such as `ENOENT`; a number without a name here is given as `E` and the number. */
export type ErrorCode =
  | "EPERM"
  | "ENOENT"
  | "EINTR"
  | "EIO"
  | "ENXIO"
  | "ENOEXEC"
  | "EBADF"
  | "EAGAIN"
  | "ENOMEM"
  | "EACCES"
  | "EFAULT"
  | "EBUSY"
  | "EEXIST"
  | "EXDEV"
  | "ENODEV"
  | "ENOTDIR"
  | "EISDIR"
  | "EINVAL"
  | "ENFILE"
  | "EMFILE"
  | "ENOTTY"
  | "ETXTBSY"
  | "EFBIG"
  | "ENOSPC"
  | "EROFS"
  | "ENAMETOOLONG"
  | "ENOLCK"
  | "ENOSYS"
  | "ELOOP"
  | "EOVERFLOW"
  | "EBADMSG"
  | "ENOTSUP"
  | "ESTALE"
  | "EUCLEAN"
  | "EDQUOT"
  | "EHWPOISON"
  | `E${number}`;

type ErrorName = Exclude<ErrorCode, `E${number}`>;

/** Name → number and meaning. */
export const errnos: Readonly<Record<ErrorName, readonly [number, string]>> = {
  EPERM: [1, "operation not permitted"],
  ENOENT: [2, "no such file or directory"],
  EINTR: [4, "interrupted"],
  EIO: [5, "input/output error"],
  ENXIO: [6, "no such device or address"],
  ENOEXEC: [8, "not a library for this program"],
  EBADF: [9, "not an open file"],
  EAGAIN: [11, "temporarily unavailable"],
  ENOMEM: [12, "not enough memory"],
  EACCES: [13, "permission denied"],
  EFAULT: [14, "bad address"],
  EBUSY: [16, "busy"],
  EEXIST: [17, "file exists"],
  EXDEV: [18, "on another file system"],
  ENODEV: [19, "cannot be mapped"],
  ENOTDIR: [20, "a part of the path is not a directory"],
  EISDIR: [21, "is a directory"],
  EINVAL: [22, "invalid argument"],
  ENFILE: [23, "too many open files in the system"],
  EMFILE: [24, "too many open files in this process"],
  ENOTTY: [25, "not supported by this file"],
  ETXTBSY: [26, "in use as a swap file, a program, or static"],
  EFBIG: [27, "too large for a file"],
  ENOSPC: [28, "no space left on the device"],
  EROFS: [30, "read-only file system"],
  ENAMETOOLONG: [36, "path too long"],
  ENOLCK: [37, "no locks available"],
  ENOSYS: [38, "not implemented"],
  ELOOP: [40, "too many symbolic links"],
  EOVERFLOW: [75, "value too large"],
  EBADMSG: [74, "not a valid message"],
  ENOTSUP: [95, "not supported"],
  ESTALE: [116, "stale file handle"],
  EUCLEAN: [117, "structure needs cleaning"],
  EDQUOT: [122, "disk quota exceeded"],
  EHWPOISON: [133, "memory page has a hardware error"],
};

const codes = new Map<number, ErrorName>(
  Object.entries(errnos).map(([code, [number]]) => [number, code as ErrorName]),
);

/** The name of an error number. */
export function codeOf(errno: number): ErrorCode {
  return codes.get(errno) ?? `E${errno}`;
}

/** What an error number means, in a few words. */
export function meaningOf(errno: number): string {
  const code = codes.get(errno);
  return code === undefined ? `error ${errno}` : errnos[code][1];
}
