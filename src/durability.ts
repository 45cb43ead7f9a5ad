/**
 * The table "What durable means": from what the kernel gave and what the file lies on to how a write is written back and what
 * then survives. Decided once, when a file is opened.
 *
 * @module
 */

import { Mode } from "../ffi/symbols.ts";
import { needHost } from "./device.ts";
import type { Medium } from "./medium.ts";
import { describe } from "./path.ts";

/** The smallest piece that must be written back at once: none (a fence is enough), a cache line, or a page. */
export type Granularity = "byte" | "cache-line" | "page";

/** What survives once persist has returned: a power cut, or only the end of the process. */
export type Durability = "power-loss" | "process-exit";

/** The granularities, finest first. */
export const granularities: readonly Granularity[] = ["byte", "cache-line", "page"];

/** How a mapping is written back, and why so. */
export interface Decision {
  readonly granularity: Granularity;
  readonly durability: Durability;
  /** The word for native code: method, vector bits, page size. */
  readonly mode: number;
  /** Why the granularity is not a finer one; absent where it is the finest. */
  readonly granularityReason?: string;
  /** Why only the end of the process is survived; absent where a power cut is. */
  readonly durabilityReason?: string;
}

/**
 * Decides how a mapping is written back.
 *
 * @param medium what the file lies on
 * @param mapSync whether the kernel gave MAP_SYNC
 * @param cpu what `daxfile1_cpu` answered: the best method and the vector and page bits
 * @param forced a granularity to take whatever the medium is
 */
export function decide(medium: Medium, mapSync: boolean, cpu: number, forced?: Granularity): Decision {
  const natural: Granularity = !mapSync ? "page" : medium.eadr ? "byte" : "cache-line";
  const granularity = forced ?? natural;
  const tooFine = granularities.indexOf(granularity) < granularities.indexOf(natural);
  const durabilityReason = tooFine
    ? `${granularity} was forced, and only ${natural} granularity is known to be enough here`
    : medium.volatile;
  const granularityReason = forced !== undefined
    ? `${forced} was forced`
    : granularity === "page"
    ? (medium.fileSystem === "device-dax" ? "the device refused MAP_SYNC" : pageReason(medium))
    : granularity === "cache-line"
    ? "the CPU caches are outside the persistence domain"
    : undefined;
  const method = granularity === "byte" || (granularity === "page" && forced === undefined && medium.inMemory)
    ? Mode.fence // in ordinary memory there is nothing that msync could write
    : granularity === "page"
    ? Mode.msync
    : cpu & Mode.methodMask;
  return {
    granularity,
    durability: durabilityReason === undefined ? "power-loss" : "process-exit",
    mode: (cpu & ~Mode.methodMask) | method,
    ...(granularityReason !== undefined && { granularityReason }),
    ...(durabilityReason !== undefined && { durabilityReason }),
  };
}

/** The name of the way in which a mode writes back, as an engineer would say it. */
export function methodName(mode: number): string {
  return [
    "fence only",
    "clwb",
    "clflushopt",
    "clflush",
    "dc cvap",
    "dc cvac",
    "msync",
  ][mode & Mode.methodMask] ?? "?";
}

/**
 * A granularity by its name.
 *
 * @throws {TypeError} if it is none
 */
export function toGranularity(value: unknown, option: string): Granularity {
  if (granularities.includes(value as Granularity)) return value as Granularity;
  throw new TypeError(`${option} is one of ${granularities.join(", ")}, not ${describe(value)}`);
}

/**
 * What DAXFILE_FORCE_GRANULARITY says: any case, `_` or `-`; nonsense is ignored, as PMDK ignores it in its own variable.
 */
export function forcedByEnvironment(value: string | undefined): Granularity | undefined {
  const name = value?.toLowerCase().replace("_", "-");
  return granularities.find((granularity) => granularity === name);
}

function pageReason(medium: Medium): string {
  if (medium.inMemory) return `${medium.fileSystem} is ordinary memory, not persistent memory`;
  const persistent = medium.leaves.some((leaf) => leaf.region !== undefined);
  if (!persistent) return "the file is not on persistent memory";
  return needHost(medium.leaves)
    ? "virtio-pmem has no MAP_SYNC: the host writes back only when it is asked"
    : "the file system refused MAP_SYNC for this file: it is not mounted with DAX, or the file does not use it";
}
