/**
 * Opening a pool, and making one.
 *
 * @module
 */

import type { DaxError, OpenOptions, Region } from "../../mod.ts";
import { isToBeMade, openOrMake } from "../common/new_file.ts";
import { encodeLayout, readHeader, writeHeader } from "./header.ts";
import { divide, format } from "./layout.ts";
import { newPool, type Pool } from "./pool.ts";
import { refused } from "./refusal.ts";

/** How a pool is opened: as {@linkcode OpenOptions} say, and these. */
export interface PoolOptions extends OpenOptions {
  /**
   * A name for what the data mean, at most 128 bytes of UTF-8: `"accounts 2"`. It is stored in a new pool; an existing one must have
   * the same, if one is given.
   */
  layout?: string;
  /**
   * Bytes of each of the two slots of a new pool, a multiple of 8 from 64 to 2^24: what a transaction may take (8 bytes for each stretch of
   * bytes written, and the bytes) to be committed with one fence is 16 less. A slot holds many small ones, and each time one is full, what they
   * changed is written back. Default 16384, less in pools under 1 MiB.
   */
  slotBytes?: number;
  /**
   * Bytes of a new pool's overflow area, a multiple of 8 from 64 to 2^30: what the largest transaction may take is 16 less. Default
   * an eighth to a sixteenth of the pool, at most 64 MiB.
   */
  overflowBytes?: number;
  /**
   * What tells a new pool's records from those of any other pool, also from those in a copy that its own data may contain: an integer from 0
   * to 2^53 − 1. By default a random one; crash tests, which must do the same each time, give one.
   */
  identity?: number;
}

/**
 * Opens a pool: a file for transactions, and makes it first if that is asked, also in a file of zeros or in one whose creation a crash
 * cut off. What a crash left unfinished is put right before it returns: every transaction that returned is there, one that did not is
 * there wholly or not at all.
 *
 * With `readOnly`, that is done in this process alone, and the file is left as it is. One process can have a pool open to write, or
 * several to read: another gets EBUSY until it is closed, unless all say `lock: "none"` and agree by other means; who reads a pool that
 * another process is writing sees halves of transactions.
 *
 * Costs three fences, one more after a crash, two more to make it (on page granularity four msyncs), and `open`.
 *
 * @param path the file: a string or a file URL; or a {@linkcode Region}, as `./testing` gives it or {@linkcode open}, which the pool then
 *   owns and closes
 * @param options what is asked, see {@linkcode PoolOptions}; with a region only `create` and what {@linkcode OpenOptions} has not
 * @throws {TypeError | RangeError} if an option is wrong, or the size leaves no room for data
 * @throws {DaxError} as {@linkcode open}; EINVAL if the pool has another layout; ENOTSUP if a newer program made it
 * @throws {CorruptionError} if the file is no pool, or is damaged; `byteOffset` says where
 *
 * @example
 * ```ts
 * import { openPool } from "@daxfile/daxfile/transaction";
 *
 * using pool = openPool("counters.dax", { create: true, size: 65536, layout: "counters" });
 * pool.transaction((tx) => tx.setBigUint64(8, tx.getBigUint64(8) + 1n));
 * ```
 */
export function openPool(path: string | URL | Region, options: PoolOptions = {}): Pool {
  if (typeof options !== "object" || options === null) throw new TypeError("options is an object");
  const { layout, slotBytes, overflowBytes, identity = options.create ? randomIdentity() : 0, ...rest } =
    options;
  const name = encodeLayout(layout ?? "");
  const divided = (byteLength: number) => divide(byteLength, { slotBytes, overflowBytes });
  if (!Number.isSafeInteger(identity) || identity < 0) {
    throw new RangeError(`identity ${identity} is not an integer from 0 to 2^53 - 1`);
  }
  const { create = false, size } = rest;
  // What cannot be made is refused before there is a file
  const planned = create && size !== undefined ? divided(size) : undefined;
  if (planned === undefined && slotBytes !== undefined) divided(2 ** 40);
  const { file, isNew } = isRegion(path) ? adopted(path, rest) : openOrMake(path, rest);
  try {
    if (create && isToBeMade(file, format, isNew)) {
      if (file.readOnly) {
        const hint = "Open it without readOnly";
        throw refused(file, "create the pool", "EACCES", "it is open to be read", hint);
      }
      writeHeader(file, planned ?? divided(file.size), name, identity);
    }
    const header = readHeader(file, !file.readOnly);
    if (layout !== undefined && layout !== header.layout) throw otherLayout(file, layout, header.layout);
    return newPool(file, header);
  } catch (error) {
    file.close();
    throw error;
  }
}

function isRegion(path: string | URL | Region): path is Region {
  return typeof path === "object" && path !== null && "view" in path;
}

function adopted(file: Region, { create: _, ...rest }: OpenOptions): { file: Region; isNew: boolean } {
  const surplus = Object.keys(rest);
  if (surplus.length > 0) throw new TypeError(`${surplus.join(", ")}: not for a file that is open already`);
  return { file, isNew: false };
}

function randomIdentity(): number {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  return low! + high! % 2 ** 21 * 2 ** 32;
}

function otherLayout(file: Region, wanted: string, found: string): DaxError {
  const reason = `its layout is ${JSON.stringify(found)}, and ${JSON.stringify(wanted)} was asked for`;
  return refused(
    file,
    "open the pool",
    "EINVAL",
    reason,
    "Name another file, or open it with the program that made it",
  );
}
