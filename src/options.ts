/**
 * What a caller may ask of open, and the checks that no option contradicts another.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import { forcedByEnvironment, type Granularity, toGranularity } from "./durability.ts";
import { describe } from "./path.ts";
import { type CallOptions, checkSyscallNumber } from "./static/call.ts";

/** How a file is opened. */
export interface OpenOptions extends CallOptions {
  /** Make the file if there is none; needs `size`. Default false. */
  create?: boolean;
  /** With `create`: an existing file is an error (EEXIST). Default false. */
  exclusive?: boolean;
  /** Length of the file in bytes: needed to make it, and an existing file must have it. By default the whole file. */
  size?: number;
  /**
   * Leave holes unallocated. The file then takes no space until it is written, and a store on a full disk ends the
   * process with SIGBUS (but see `guard`). Default false: all of it is allocated before it is mapped.
   */
  sparse?: boolean;
  /** Permissions of a file that is made, less the umask. Default 0o666. */
  mode?: number;
  /** Map it to be read: stores into a view then stay in this process. Default false. */
  readOnly?: boolean;
  /**
   * Its blocks must not move: true to throw where that cannot be had, `"prefer"` to go on, and {@linkcode DaxFile.isStatic} says what was
   * got. It stays static when it is closed. A sealed file is opened to write with this only. Default false.
   */
  static?: boolean | "prefer";
  /**
   * Alignment of the file's extents in memory, in bytes, a power of two; 0, the default, means the page size. A file that is made gets
   * such blocks where the file system has them: with 2 MiB it is mapped in pages of 2 MiB. With `static`, it must have them.
   */
  align?: number;
  /** The coarsest granularity that is accepted: a coarser one is an error (ENOTSUP). Default `"page"`, which is any. */
  granularity?: Granularity;
  /**
   * Write back as if the file had this granularity; for tests and benchmarks on ordinary memory. Where it is finer than the truth, persist
   * promises only `"process-exit"`. The environment variable DAXFILE_FORCE_GRANULARITY does the same.
   */
  forceGranularity?: Granularity;
  /** Advisory lock against other openers (flock). Default `"exclusive"` to write, `"shared"` to read. */
  lock?: "exclusive" | "shared" | "none";
  /**
   * Survive a fault in the mapping (a truncated file, a full disk under holes, a bad block): an empty page takes the place of the lost
   * one, and the next persist or close throws {@linkcode MappingFaultError}. Default false: the process ends with SIGBUS.
   */
  guard?: boolean;
}

/** The options with their defaults in place. */
export interface CheckedOptions {
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly size: number | undefined;
  readonly sparse: boolean;
  readonly mode: number;
  readonly readOnly: boolean;
  readonly static: boolean | "prefer";
  readonly align: number;
  readonly syscallNumber: number | undefined;
  readonly coarsest: Granularity;
  readonly forced: Granularity | undefined;
  readonly lock: "exclusive" | "shared" | "none";
  readonly guard: boolean;
}

const names = [
  "create",
  "exclusive",
  "size",
  "sparse",
  "mode",
  "readOnly",
  "static",
  "align",
  "syscallNumber",
  "granularity",
  "forceGranularity",
  "lock",
  "guard",
];

/**
 * Checks the options of open.
 *
 * @throws {TypeError} if one is unknown, of a wrong type, or contradicts another
 * @throws {RangeError} if a number is out of its range
 */
export function checkOptions(options: OpenOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options is an object, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`There is no option ${name}; there are ${names.join(", ")}`);
    }
  }
  const create = flag(options, "create"), exclusive = flag(options, "exclusive");
  const readOnly = flag(options, "readOnly"), sparse = flag(options, "sparse");
  if (exclusive && !create) throw new TypeError("exclusive goes with create");
  if (readOnly && create) throw new TypeError("A file cannot be created readOnly");
  const { size, mode = 0o666, static: wanted = false, align = 0 } = options;
  if (size !== undefined) integer("size", size, 1, Number.MAX_SAFE_INTEGER);
  integer("mode", mode, 0, 0o7777);
  if (wanted !== true && wanted !== false && wanted !== "prefer") {
    throw new TypeError(`static is true, false or "prefer", not ${describe(wanted)}`);
  }
  if (wanted === true && sparse) throw new TypeError("A sparse file cannot be static");
  checkAlign(align);
  checkSyscallNumber(options.syscallNumber);
  const { lock = readOnly ? "shared" : "exclusive" } = options;
  if (lock !== "exclusive" && lock !== "shared" && lock !== "none") {
    throw new TypeError(`lock is "exclusive", "shared" or "none", not ${describe(lock)}`);
  }
  return {
    create,
    exclusive,
    size,
    sparse,
    mode: mode | 0, // Deno takes -0 for no integer
    readOnly,
    static: wanted,
    align,
    syscallNumber: options.syscallNumber,
    coarsest: options.granularity === undefined ? "page" : toGranularity(options.granularity, "granularity"),
    forced: options.forceGranularity === undefined
      ? undefined
      : toGranularity(options.forceGranularity, "forceGranularity"),
    lock,
    guard: flag(options, "guard"),
  };
}

/** The granularity that the options or the environment force; the options win. */
export function forcedGranularity(forced: Granularity | undefined): Granularity | undefined {
  return forced ?? forcedByEnvironment(library().runtime.environment("DAXFILE_FORCE_GRANULARITY"));
}

/**
 * Checks an alignment in bytes: 0, or a power of two.
 *
 * @throws {RangeError} if it is neither
 */
export function checkAlign(align: number): void {
  integer("align", align, 0, 2 ** 30);
  if (align !== 0 && !Number.isInteger(Math.log2(align))) {
    throw new RangeError(`align ${align} is not a power of two`);
  }
}

/** The page size of this machine, in bytes. */
export function pageBytes(): number {
  return 2 ** (library().native.daxfile1_cpu() >>> Mode.pageShift);
}

function flag(options: OpenOptions, name: "create" | "exclusive" | "readOnly" | "sparse" | "guard"): boolean {
  const value = options[name] === undefined ? false : options[name];
  if (typeof value !== "boolean") throw new TypeError(`${name} is true or false, not ${describe(value)}`);
  return value;
}

function integer(name: string, value: unknown, least: number, most: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${describe(value)}`);
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} ${value} is not an integer from ${least} to ${most}`);
  }
}
