/**
 * The bytes of the native libraries that the package carries.
 *
 * @module
 */

import { aarch64 } from "../ffi/embedded/aarch64.ts";
import { x86_64 } from "../ffi/embedded/x86_64.ts";
import { isWanted, type Launch } from "./place.ts";
import type { Added } from "./results.ts";

/** One line for each architecture. */
export function sizeResults({ runtime, only }: Launch): Added[] {
  return Object.entries({ x86_64, aarch64 }).map(([architecture, base64]): Added => {
    const kibibytes = atob(base64).length / 1024;
    return {
      runtime,
      group: "size",
      name: `native library, ${architecture}`,
      unit: "KiB",
      more: kibibytes,
      least: kibibytes,
      most: kibibytes,
      limit: 16,
    };
  }).filter(({ group, name }) => isWanted(only, group, name));
}
