/**
 * Opening a log by its path, or over a region that somebody else has opened.
 *
 * @module
 */

import type { OpenOptions, Region } from "../../mod.ts";
import { isToBeMade, openOrMake } from "../common/new_file.ts";
import type { Identity } from "./frames.ts";
import { readHeader, writeHeader } from "./header.ts";
import { format, logBytesMin } from "./layout.ts";
import { attachLog, type PersistentLog } from "./persistent_log.ts";
import { refused } from "./refusal.ts";

/** How a log is opened: as {@linkcode OpenOptions} say of the file, and a few of them mean a little more. */
export interface LogOptions extends OpenOptions {
  /**
   * Make the file and the log in it if there is none, or only the log in a file of zeros, or in one whose creation a crash cut off. Needs
   * `size` to make the file. Default false.
   */
  create?: boolean;
  /** Read only: then also while another process writes. Default false. */
  readOnly?: boolean;
  /** As for any file, but `"none"` by default to read, so that a log can be read while it is written. */
  lock?: "exclusive" | "shared" | "none";
  /**
   * What tells a new log's records from those of any other log that was there before: an integer from 0 to 2^53 − 1. By default a random
   * one. For tests that must do the same each time, such as crash tests.
   */
  identity?: number;
}

/** What can be said of a log over a region; the rest was said to those who opened it. */
const regionOptions = ["create", "readOnly", "identity"];

/**
 * Opens a log, or makes one.
 *
 * Finds the end of the log by reading what was appended since its last checkpoint, at most 64 KiB and one call of append or
 * appendAll. What a crash has torn there is dropped; only the next append writes anything.
 *
 * A log that is open to be read follows another process that writes it: `length`, `freeBytes` and each iteration look for new records
 * first. What it shows is whole, in order and without gaps, but the last of it may not be durable yet, as the writer has not been told
 * so yet.
 *
 * @param place a path or file URL; or a region, such as an open {@linkcode DaxFile} or the region of a crash test: the log takes all of
 *   it, and closing the log leaves it open. Of the options only `create`, `readOnly` and `identity` go with a region
 * @param options `create: true` and a `size` in bytes to make it: 4112 and more, for records take 16 bytes beside their own; all others as
 *   for {@linkcode open}
 * @throws {CorruptionError} if it is no log, or a damaged one: the message names the place, and so does `byteOffset`
 * @throws {DaxError} as {@linkcode open}; EBUSY while another process writes it; ENOTSUP if a newer version made it
 * @throws {RangeError | TypeError} for an option that makes no sense
 *
 * @example
 * ```ts
 * import { openLog } from "@daxfile/daxfile/log";
 *
 * using log = openLog("events.log", { create: true, size: 1 << 20 });
 * log.append(new TextEncoder().encode(`started at ${new Date().toISOString()}`));
 *
 * using reader = openLog("events.log", { readOnly: true });
 * for (const { sequence, bytes } of reader) console.log(sequence, new TextDecoder().decode(bytes));
 * ```
 */
export function openLog(place: string | URL | Region, options: LogOptions = {}): PersistentLog {
  if (typeof options !== "object" || options === null) throw new TypeError("options is an object");
  const { identity: given, ...fileOptions } = options;
  const identity = given === undefined ? undefined : wordsOf(given);
  const { create = false, size } = options;
  if (create && size !== undefined && size < logBytesMin) {
    throw new RangeError(`size ${size} is too small for a log: at least ${logBytesMin} bytes`);
  }
  if (typeof place === "object" && place !== null && !(place instanceof URL)) {
    const surplus = Object.keys(options).find((name) => !regionOptions.includes(name));
    if (surplus !== undefined) {
      throw new TypeError(`The option ${surplus} goes with a path, and not with a region`);
    }
    return openIn(place, {
      create,
      readOnly: options.readOnly ?? false,
      identity,
      ownsFile: false,
      isNew: false,
    });
  }
  const readOnly = options.readOnly ?? false;
  const { file, isNew } = openOrMake(place, readOnly ? { lock: "none", ...fileOptions } : fileOptions);
  try {
    return openIn(file, { create, readOnly, identity, ownsFile: true, isNew });
  } catch (error) {
    file.close();
    throw error;
  }
}

interface Request {
  readonly create: boolean;
  readonly readOnly: boolean;
  readonly identity: Identity | undefined;
  readonly ownsFile: boolean;
  /** Made just now: there is nothing in it. */
  readonly isNew: boolean;
}

function openIn(file: Region, { create, readOnly, identity, ownsFile, isNew }: Request): PersistentLog {
  const toWrite = !readOnly && !file.readOnly;
  if (create && isToBeMade(file, format, isNew)) {
    if (!toWrite) {
      const hint = "Open it without readOnly";
      throw refused(file, "create the log", "EACCES", "it is open to be read", hint);
    }
    if (file.size < logBytesMin) {
      throw new RangeError(`"${file.path}" has ${file.size} bytes, and a log has at least ${logBytesMin}`);
    }
    writeHeader(file, identity ?? randomIdentity());
  }
  return attachLog(readHeader(file, toWrite), { toWrite, ownsFile });
}

function wordsOf(identity: number): Identity {
  if (typeof identity !== "number") throw new TypeError(`identity is a number, not ${typeof identity}`);
  if (!Number.isSafeInteger(identity) || identity < 0) {
    throw new RangeError(`identity ${identity} is not an integer from 0 to 2^53 - 1`);
  }
  return { mask: identity >>> 0, seed: Math.floor(identity / 0x1_0000_0000) };
}

function randomIdentity(): Identity {
  const [mask, seed] = crypto.getRandomValues(new Uint32Array(2));
  return { mask: mask!, seed: seed! };
}
