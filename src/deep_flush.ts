/**
 * The flush past the memory controller, for memory without a file system that could be asked for it.
 *
 * @module
 */

import { DaxError } from "./errors.ts";
import type { Medium } from "./medium.ts";
import { readText, writeText } from "./system.ts";

/**
 * Empties the memory controller's queue for every region under a device.
 *
 * @throws {DaxError} EACCES and others if the region cannot be told to
 */
export function deepFlushRegions(medium: Medium, path: string): void {
  for (const { region } of medium.leaves) {
    if (region === undefined) continue;
    const file = `${region}/deep_flush`;
    // 0: the platform needs none (Documentation/ABI/testing/sysfs-bus-nfit); no such file: it offers none
    const state = readText(file)?.trim();
    if (state === undefined || state === "0") continue;
    const result = writeText(file, "1");
    if (result < 0) {
      throw new DaxError({
        operation: "deepFlush",
        error: -result,
        path,
        hint: `Writing ${file} needs root`,
      });
    }
  }
}
