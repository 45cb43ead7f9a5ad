/**
 * Persistent memory for TypeScript: a file is opened, typed arrays over it *are* the file, and what was written is made durable by
 * flushing cache lines instead of calling fsync. On an ordinary disk the same program runs with msync, and is told so.
 *
 * @example
 * ```ts
 * import { open } from "@daxfile/daxfile";
 *
 * using file = open("runs.dax", { create: true, size: 4096 });
 * const runs = file.view(Float64Array, 0, 1);
 * runs[0]!++;
 * file.persist(runs);
 * console.log(`Run ${runs[0]}, kept over ${file.durability}`);
 * ```
 *
 * @module
 */

export { open } from "./src/open.ts";
export type { OpenOptions } from "./src/options.ts";
export type { CallOptions } from "./src/static/call.ts";
export { DaxFile, type Region } from "./src/file.ts";
export { Batch, type BatchEntry } from "./src/batch.ts";
export type { ViewConstructor, WriteOptions } from "./src/arguments.ts";
export type { Durability, Granularity } from "./src/durability.ts";
export {
  clearStatic,
  daxctl,
  DAXCTL_F_DAX,
  DAXCTL_F_GET,
  DAXCTL_F_STATIC,
  isStatic,
  setStatic,
} from "./src/static.ts";
export {
  CorruptionError,
  DaxError,
  type DaxErrorDetails,
  type ErrorCode,
  MappingFaultError,
} from "./src/errors.ts";
export { type Probe, probe } from "./src/probe.ts";
export type { HugePages } from "./src/huge_pages.ts";
export type { StaticWay } from "./src/static/outlook.ts";
export type { Check } from "./src/check.ts";
export type { Leaf } from "./src/device.ts";
export type { ExtentFlagName, ExtentRun, Extents } from "./src/extents.ts";
export type { Access, PathKind } from "./src/findings.ts";
