/**
 * System calls as functions of strings and numbers: paths and structures go through the library's scratch memory. Results are
 * those of the kernel, a negative one being −errno; what an error means to a user is for the callers to say.
 *
 * @module
 */

import { type Library, library, LibraryError } from "../ffi/library.ts";
import { DaxError } from "./errors.ts";

/** Flags of open(2) on Linux, the same on x86-64 and aarch64. */
export const O = {
  readOnly: 0,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  nonblock: 0o4000,
  noAccessTime: 0o1000000,
  path: 0o10000000,
} as const;

/** Operations of flock(2). */
export const Lock = { shared: 1, exclusive: 2, nonblock: 4, unlock: 8 } as const;

/** Types of a file, from the upper bits of its mode (inode(7)). */
export const FileType = {
  mask: 0o170000,
  regular: 0o100000,
  directory: 0o040000,
  character: 0o020000,
  socket: 0o140000,
} as const;

/** What statx(2) tells of a file. Sizes in bytes. */
export interface Stat {
  readonly mode: number;
  readonly links: number;
  readonly inode: number;
  readonly size: number;
  /** How much of it the file system has given it, in bytes. */
  readonly allocatedBytes: number;
  readonly blockBytes: number;
  /** The device of a device file. */
  readonly deviceNumber: Device;
  /** The device that the file lies on. */
  readonly device: Device;
  readonly mountId: number;
  /** Whether the file's pages are the medium itself (STATX_ATTR_DAX); undefined where the kernel does not say. */
  readonly dax: boolean | undefined;
  readonly immutable: boolean | undefined;
}

/** A device's two numbers. */
export interface Device {
  readonly major: number;
  readonly minor: number;
}

/** How /proc/locks names a file: `fd:01:123456`, the numbers of its device in hexadecimal (proc_locks(5)). */
export function nameInLocks({ device, inode }: Pick<Stat, "device" | "inode">): string {
  const hexadecimal = (number: number) => number.toString(16).padStart(2, "0");
  return `${hexadecimal(device.major)}:${hexadecimal(device.minor)}:${inode}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Where in the scratch memory what lies, in bytes: two paths, then everything else. */
const first = 0, second = 4096, rest = 8192;
const pathLimitBytes = 4096;

/**
 * The native library.
 *
 * @throws {DaxError} if this system has none or it may not be loaded
 */
export function loadLibrary(operation: string, path?: string): Library {
  try {
    return library();
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    const { code, message: reason, hint } = error;
    throw new DaxError({ operation, error: code, path, reason, hint, cause: error });
  }
}

/** Opens a file; close-on-exec always. */
export function openFile(path: string, flags: number, mode = 0): number {
  const { native } = library();
  return native.daxfile1_open(writePath(path, first), flags, mode);
}

/** Makes a file without a name in a directory, to be given one by {@linkcode linkFile}. */
export function openUnnamed(directory: string, mode: number): number {
  // __O_TMPFILE | O_DIRECTORY; the second is an architecture's own number
  const directoryFlag = library().runtime.platform.endsWith("aarch64") ? 0o40000 : 0o200000;
  return openFile(directory, O.readWrite | 0o20000000 | directoryFlag, mode);
}

/** Closes a descriptor. */
export function closeFile(file: number): void {
  library().native.daxfile1_close(file);
}

/** Runs a body with an open descriptor, and closes it. */
export function withFile<T>(file: number, body: (file: number) => T): T {
  try {
    return body(file);
  } finally {
    closeFile(file);
  }
}

/** Opens a file for reading, without waiting for a pipe's other end, and looks at it; undefined where it cannot be opened. */
export function inspect<T>(path: string, body: (file: number, stat: Stat) => T): T | undefined {
  const file = openFile(path, O.readOnly | O.nonblock);
  if (file < 0) return undefined;
  return withFile(file, () => {
    const stat = statFile(file);
    return typeof stat === "number" ? undefined : body(file, stat);
  });
}

/** What the kernel knows of an open file, or −errno. */
export function statFile(file: number): Stat | number {
  const { native, scratch: { address, data } } = library();
  const result = native.daxfile1_statx(file, address + rest);
  if (result < 0) return result;
  // struct statx, include/uapi/linux/stat.h
  const u32 = (offset: number) => data.getUint32(rest + offset, true);
  const u64 = (offset: number) => Number(data.getBigUint64(rest + offset, true));
  const attributes = u64(8), known = u64(56);
  const attribute = (bit: number) =>
    Math.floor(known / bit) % 2 === 1 ? Math.floor(attributes / bit) % 2 === 1 : undefined;
  return {
    blockBytes: u32(4),
    links: u32(16),
    mode: data.getUint16(rest + 28, true),
    inode: u64(32),
    size: u64(40),
    allocatedBytes: u64(48) * 512,
    deviceNumber: { major: u32(128), minor: u32(132) },
    device: { major: u32(136), minor: u32(140) },
    mountId: u64(144),
    dax: attribute(0x200000),
    immutable: attribute(0x10),
  };
}

/** The magic number of the file system that an open file lies on (statfs(2)), or −errno. */
export function fileSystemMagic(file: number): number {
  const { native, scratch: { address, data } } = library();
  const result = native.daxfile1_statfs(file, address + rest);
  return result < 0 ? result : data.getUint32(rest, true);
}

/** How much the file system of an open file still has for an ordinary user, in bytes, or −errno. */
export function freeBytes(file: number): number {
  const { native, scratch: { address, data } } = library();
  const result = native.daxfile1_statfs(file, address + rest);
  // struct statfs of 64-bit systems: type, block size, blocks, free ones, those free for everybody
  return result < 0 ? result : Number(data.getBigUint64(rest + 8, true) * data.getBigUint64(rest + 32, true));
}

/** The text of a small file such as those of /proc and /sys, or undefined if it cannot be read. */
export function readText(path: string): string | undefined {
  const file = openFile(path, O.readOnly | O.nonblock);
  if (file < 0) return undefined;
  return withFile(file, () => {
    const { native, scratch: { address, bytes } } = library();
    let text = "";
    const streaming = new TextDecoder();
    while (true) {
      const count = native.daxfile1_read(file, address + rest, bytes.byteLength - rest, -1);
      if (count < 0) return undefined;
      if (count === 0) return text + streaming.decode();
      text += streaming.decode(bytes.subarray(rest, rest + count), { stream: true });
    }
  });
}

/** Writes a short text into an existing file of /sys: 0 or −errno. */
export function writeText(path: string, text: string): number {
  const file = openFile(path, 1 /* O_WRONLY */);
  if (file < 0) return file;
  return withFile(file, () => {
    const { native, scratch: { address, bytes } } = library();
    const { written } = encoder.encodeInto(text, bytes.subarray(rest));
    return Math.min(0, native.daxfile1_write(file, address + rest, written, -1));
  });
}

/** Where a symbolic link leads, or undefined. */
export function readLink(path: string): string | undefined {
  const { native, scratch: { address, bytes } } = library();
  const count = native.daxfile1_readlink(writePath(path, first), address + rest, pathLimitBytes);
  return count < 0 ? undefined : decoder.decode(bytes.subarray(rest, rest + count));
}

/** The names in a directory, without the two dots; empty if it cannot be read. */
export function listDirectory(path: string): string[] {
  const file = openFile(path, O.readOnly | O.nonblock);
  if (file < 0) return [];
  return withFile(file, () => {
    const { native, scratch: { address, bytes, data } } = library();
    const names: string[] = [];
    while (true) {
      const count = native.daxfile1_list(file, address + rest, bytes.byteLength - rest);
      if (count <= 0) return names;
      // struct linux_dirent64: inode, offset, length of the entry at 16, type, name from 19 on
      for (let entry = rest; entry < rest + count; entry += data.getUint16(entry + 16, true)) {
        const name = decoder.decode(bytes.subarray(entry + 19, bytes.indexOf(0, entry + 19)));
        if (name !== "." && name !== "..") names.push(name);
      }
    }
  });
}

/** Gives an unnamed file a name: 0 or −errno. */
export function linkFile(file: number, path: string): number {
  const { native } = library();
  return native.daxfile1_link(writePath(`/proc/self/fd/${file}`, first), writePath(path, second));
}

/** Takes a name away: 0 or −errno. */
export function unlinkFile(path: string): number {
  return library().native.daxfile1_unlink(writePath(path, first));
}

/** A run of a file's bytes on its device. Offsets and lengths in bytes; `flags` as in fiemap(2). */
export interface Extent {
  readonly byteOffset: number;
  readonly physical: number;
  readonly byteLength: number;
  readonly flags: number;
}

/** What a file's extents may be, of FIEMAP's flags. */
export const ExtentFlag = {
  last: 1,
  unknown: 2,
  delayed: 4,
  encoded: 8,
  misaligned: 0x100,
  inline: 0x200,
  unwritten: 0x800,
  shared: 0x2000,
} as const;

/**
 * A file's map of blocks, or −errno.
 *
 * @param sync whether what the page cache still holds is written first, so that every byte has its block (FIEMAP_FLAG_SYNC)
 */
export function fileExtents(file: number, sync = true): Extent[] | number {
  const { native, scratch: { address, bytes, data } } = library();
  const headerBytes = 32, extentBytes = 56;
  const capacity = Math.floor((bytes.byteLength - rest - headerBytes) / extentBytes);
  const extents: Extent[] = [];
  for (let start = 0;;) {
    // struct fiemap: start, length, flags, mapped extents, room, reserved
    data.setBigUint64(rest, BigInt(start), true);
    data.setBigUint64(rest + 8, 0xffff_ffff_ffff_ffffn - BigInt(start), true);
    data.setUint32(rest + 16, Number(sync), true);
    data.setUint32(rest + 20, 0, true);
    data.setUint32(rest + 24, capacity, true);
    data.setUint32(rest + 28, 0, true);
    const result = native.daxfile1_extents(file, address + rest);
    if (result < 0) return result;
    const count = data.getUint32(rest + 20, true);
    for (let index = 0; index < count; index++) {
      const at = rest + headerBytes + index * extentBytes;
      const u64 = (offset: number) => Number(data.getBigUint64(at + offset, true));
      extents.push({
        byteOffset: u64(0),
        physical: u64(8),
        byteLength: u64(16),
        flags: data.getUint32(at + 40, true),
      });
    }
    const last = extents.at(-1);
    if (count === 0 || last === undefined || (last.flags & ExtentFlag.last) !== 0) return extents;
    start = last.byteOffset + last.byteLength;
  }
}

/** The proposed system call, under a number that the caller knows to be it: its result or −errno. */
export function callDaxctl(number: number, path: string, flags: number, alignBytes: number): number {
  return library().native.daxfile1_daxctl(number, writePath(path, first), flags, alignBytes);
}

/** Where the general part of the scratch memory begins, in bytes from its start. */
export const scratchStart: number = rest;

/** Puts a path, ended by a NUL, into the scratch memory and gives its address. checkPath has bounded its length. */
function writePath(path: string, at: number): number {
  const { scratch: { address, bytes } } = library();
  const { read, written } = encoder.encodeInto(path, bytes.subarray(at, at + pathLimitBytes - 1));
  if (read < path.length) {
    throw new RangeError(`The path is longer than ${pathLimitBytes - 1} bytes: "${path}"`);
  }
  bytes[at + written] = 0;
  return address + at;
}
