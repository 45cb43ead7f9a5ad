/**
 * Making files, whole or not at all: a new file gets its name only when all of its bytes are allocated and on the medium.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { DaxError } from "./errors.ts";
import { pageBytes } from "./options.ts";
import { parentOf } from "./path.ts";
import { allocateAligned } from "./static/aligned.ts";
import {
  closeFile,
  linkFile,
  O,
  openFile,
  openUnnamed,
  readText,
  scratchStart,
  unlinkFile,
} from "./system.ts";

/** What a new file shall be. */
export interface Creation {
  size: number;
  sparse: boolean;
  mode: number;
  /** What its blocks shall begin at multiples of in memory, in bytes, where the file system has such; up to a page is any. */
  alignBytes: number;
  /**
   * Whether the file shall be static, asked while it is empty: then every block is written, which makes it one that the file system has
   * nothing left to do for, and the file has its name before it is attached, for no static file can be given one. May throw.
   */
  becomesStatic: (file: number) => boolean;
}

const EEXIST = 17, EISDIR = 21, ENOENT = 2, EOPNOTSUPP = 95, EINVAL = 22;

/** Whence of lseek(2). */
const Seek = { data: 3, hole: 4 } as const;

/**
 * Makes a file of the given length, lets `attach` open it, and only then gives it its name: whatever is refused has made nothing,
 * and nobody else can lock it first.
 *
 * On return the file and its name are on the medium. A process that is killed before leaves nothing behind; on a file system without
 * unnamed files (O_TMPFILE) an empty file, which open refuses; on one that cannot allocate either, some zeros.
 *
 * @param attach makes of a descriptor, open to read and write, what then owns and closes it; if it throws, it has closed nothing
 * @returns what `attach` made, or undefined where the name is taken
 * @throws {DaxError} ENOSPC, EACCES, … ; nothing of the file is then left
 */
export function createFile<T extends Disposable>(
  path: string,
  creation: Creation,
  attach: (file: number) => T,
): T | undefined {
  checkFileSizeLimit(path, creation.size);
  const directory = parentOf(path);
  const unnamed = openUnnamed(directory, creation.mode);
  // EISDIR: a kernel or file system that takes the flag for a directory's
  if (unnamed === -EOPNOTSUPP || unnamed === -EISDIR) return createNamed(path, creation, attach);
  if (unnamed < 0) {
    throw createError(-unnamed, path, directory);
  }
  let attached: T;
  try {
    if (fillOut(unnamed, path, creation)) return attachNamed(unnamed, path, creation, attach);
    attached = attach(unnamed);
  } catch (error) {
    closeFile(unnamed);
    throw error;
  }
  const result = linkFile(unnamed, path);
  if (result < 0) {
    attached[Symbol.dispose]();
    if (result === -EEXIST) return undefined;
    // No /proc to link from
    if (result === -ENOENT) return createNamed(path, creation, attach);
    throw createError(-result, path, directory);
  }
  try {
    syncDirectory(directory, path);
  } catch (error) {
    unlinkFile(path);
    attached[Symbol.dispose]();
    throw error;
  }
  return attached;
}

/** The way of a static file: first the name, then all else. The descriptor is still the caller's if this throws. */
function attachNamed<T>(
  file: number,
  path: string,
  creation: Creation,
  attach: (file: number) => T,
): T | undefined {
  const result = linkFile(file, path);
  if (result === -EEXIST) {
    closeFile(file);
    return undefined;
  }
  if (result === -ENOENT) {
    // No /proc to link from
    const attached = createNamed(path, creation, attach);
    closeFile(file);
    return attached;
  }
  if (result < 0) throw createError(-result, path, parentOf(path));
  try {
    syncDirectory(parentOf(path), path);
    return attach(file);
  } catch (error) {
    // Who locked it before we could has it now
    if (!(error instanceof DaxError && error.code === "EBUSY")) unlinkFile(path);
    throw error;
  }
}

/** The way without unnamed files. */
function createNamed<T>(path: string, creation: Creation, attach: (file: number) => T): T | undefined {
  const file = openFile(path, O.readWrite | O.create | O.exclusive, creation.mode);
  if (file === -EEXIST) return undefined;
  if (file < 0) throw createError(-file, path, parentOf(path));
  try {
    fillOut(file, path, creation);
    syncDirectory(parentOf(path), path);
    return attach(file);
  } catch (error) {
    // Who locked it before we could has it now
    if (!(error instanceof DaxError && error.code === "EBUSY")) unlinkFile(path);
    closeFile(file);
    throw error;
  }
}

/** Gives the file its length and its blocks; whether it shall be static. */
function fillOut(file: number, path: string, creation: Creation): boolean {
  const { size, sparse, alignBytes } = creation;
  const { native } = library();
  const becomesStatic = creation.becomesStatic(file);
  const steps = [
    ...(sparse ? [] : [
      () => alignBytes > pageBytes() ? allocateAligned(file, size, alignBytes) : 0,
      () => allocate(file, size, false),
    ]),
    () => native.daxfile1_truncate(file, size),
    ...(becomesStatic && !sparse ? [() => writeZeros(file, 0, size)] : []),
    () => native.daxfile1_sync(file, 0),
  ];
  for (const step of steps) {
    const result = step();
    if (result < 0) throw new DaxError({ operation: "create", error: -result, path, hint: spaceHint(size) });
  }
  return becomesStatic;
}

/**
 * Allocates every hole of an existing file, so that no store into it can meet a full disk.
 *
 * @throws {DaxError} ENOSPC
 */
export function allocateHoles(file: number, path: string, size: number): void {
  const result = allocate(file, size, true);
  if (result < 0) {
    const hint = "Free some space, or open it with sparse: true and the risk that this names";
    throw new DaxError({ operation: "allocate", error: -result, path, hint });
  }
}

/** 0 or −errno. Where the file system has no fallocate, zeros are written: over everything, or only over the holes. */
function allocate(file: number, size: number, existing: boolean): number {
  const { native } = library();
  const result = native.daxfile1_allocate(file, 0, size);
  if (result !== -EOPNOTSUPP) return result;
  if (!existing) return writeZeros(file, 0, size);
  for (let hole = native.daxfile1_seek(file, 0, Seek.hole); hole >= 0 && hole < size;) {
    const data = native.daxfile1_seek(file, hole, Seek.data);
    const end = data < 0 ? size : Math.min(data, size);
    const written = writeZeros(file, hole, end);
    if (written < 0) return written;
    hole = native.daxfile1_seek(file, end, Seek.hole);
  }
  return 0;
}

function writeZeros(file: number, start: number, end: number): number {
  const { native, scratch } = library(), { address } = scratch, bytes: Uint8Array = scratch.bytes;
  bytes.fill(0, scratchStart);
  const zerosBytes = bytes.byteLength - scratchStart;
  for (let done = start; done < end;) {
    const count = native.daxfile1_write(file, address + scratchStart, Math.min(zerosBytes, end - done), done);
    if (count < 0) return count;
    done += count;
  }
  return 0;
}

/** Makes the file's name durable: fsync(2) of the file does not promise its directory's entry. */
function syncDirectory(directory: string, path: string): void {
  const file = openFile(directory, O.readOnly);
  const result = file < 0 ? file : library().native.daxfile1_sync(file, 0);
  if (file >= 0) closeFile(file);
  // EINVAL: a file system whose directories cannot be synced, and need not be
  if (result < 0 && result !== -EINVAL) {
    throw new DaxError({
      operation: "create",
      error: -result,
      path,
      reason: "its directory could not be synced",
    });
  }
}

/** Beyond RLIMIT_FSIZE the kernel does not refuse: it kills the process (SIGXFSZ, setrlimit(2)). */
function checkFileSizeLimit(path: string, size: number): void {
  const limit = /^Max file size\s+(\d+)/m.exec(readText("/proc/self/limits") ?? "")?.[1];
  if (limit !== undefined && size > Number(limit)) {
    const reason = `size ${size} is over this process's limit of ${limit} bytes for a file`;
    throw new DaxError({
      operation: "create",
      error: "EFBIG",
      path,
      reason,
      hint: "Raise it with ulimit -f",
    });
  }
}

function spaceHint(size: number): string {
  return `${size} bytes were asked for; free some space, ask for less, or create it with sparse: true`;
}

/** What is thrown when a directory takes no new file. */
export function createError(errno: number, path: string, directory: string): DaxError {
  return new DaxError({ operation: "create", error: errno, path, hint: hintFor(errno, directory) });
}

function hintFor(errno: number, directory: string): string | undefined {
  if (errno === ENOENT) return `Make the directory "${directory}" first`;
  if (errno === 13) return `This user may not write into "${directory}"`;
  if (errno === 20) return `"${directory}" is a file`;
  if (errno === EISDIR) return "Name a file in it";
  if (errno === 30) return "Make it on a file system that can be written";
  if (errno === 36) return "A name has at most 255 bytes";
  return undefined;
}
