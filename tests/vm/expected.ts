// What a file gets on each machine, as in the design's table of what durable means.

import type { Durability, Granularity } from "../../mod.ts";

/** Granularity, what survives persist, and whether there is MAP_SYNC. */
export const expected: Record<string, [Granularity, Durability, boolean]> = {
  "xfs": ["cache-line", "power-loss", true],
  "xfs-reflink": ["cache-line", "power-loss", true],
  "ext4": ["cache-line", "power-loss", true],
  "ext4-misaligned": ["cache-line", "power-loss", true],
  "ext4-dm": ["cache-line", "power-loss", true],
  "ext4-legacy": ["cache-line", "process-exit", true],
  "ext4-eadr": ["byte", "power-loss", true],
  "virtio-pmem": ["page", "power-loss", false],
  "devdax": ["cache-line", "power-loss", true],
  "disk": ["page", "power-loss", false],
};
