// What a file gets on each machine, as in the design's table of what durable means.

import { readFileSync } from "node:fs";
import type { Durability, Granularity, StaticWay } from "../../mod.ts";

/** Whether the machine's kernel is ours: it names daxctl(2) among its symbols. */
export const hasCall: boolean = /_sys_daxctl$/m.test(readFileSync("/proc/kallsyms", "utf8"));

/** The way by which a file on DAX is static here, if by any. */
export const way: StaticWay = hasCall ? "system call" : "seal";

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
