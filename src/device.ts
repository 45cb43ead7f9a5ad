/**
 * The memory and disks under a device number, found in sysfs: through partitions, device-mapper and loop devices down to what
 * really holds the bytes. Whether a CPU cache survives a power cut is decided here, for these devices and no others.
 *
 * @module
 */

import type { Device } from "./system.ts";

/** The parts of /sys and /proc that are read; a test gives a tree of its own. */
export interface SystemFiles {
  readText(path: string): string | undefined;
  readLink(path: string): string | undefined;
  listDirectory(path: string): string[];
}

/** A device that lies on no other. */
export interface Leaf {
  /** The kernel's name: `pmem0`, `nvme0n1`, `dax0.0`. */
  readonly name: string;
  /** The directory in sysfs of the NVDIMM region that backs it, where it is persistent memory. */
  readonly region?: string;
  /** What the region says of the CPU caches: `cpu_cache`, `memory_controller`, or empty where the platform does not say. */
  readonly persistenceDomain?: string;
  /** The file behind a loop device. */
  readonly backingFile?: string;
  /** Why nothing on it survives a power cut, where that is known. */
  readonly volatile?: string;
}

/** How deep devices may be stacked before it is called a loop. */
const depthLimit = 16;

/** The devices at the bottom of a block or character device; none where sysfs does not show it. */
export function leavesOf(kind: "block" | "char", device: Device, files: SystemFiles): Leaf[] {
  const link = files.readLink(`/sys/dev/${kind}/${device.major}:${device.minor}`);
  if (link === undefined) return [];
  return walk(`/sys/dev/${kind}/${link}`, files, depthLimit);
}

/** Whether every one of the devices keeps its CPU caches over a power cut (eADR). */
export function cachesArePersistent(leaves: readonly Leaf[]): boolean {
  return leaves.length > 0 && leaves.every((leaf) => leaf.persistenceDomain === "cpu_cache");
}

function walk(path: string, files: SystemFiles, depth: number): Leaf[] {
  const directory = normalise(path);
  const below = depth === 0 ? [] : files.listDirectory(`${directory}/slaves`);
  if (below.length > 0) {
    return below.flatMap((name) => {
      const link = files.readLink(`${directory}/slaves/${name}`);
      return link === undefined ? [] : walk(`${directory}/slaves/${link}`, files, depth - 1);
    });
  }
  const name = directory.slice(directory.lastIndexOf("/") + 1);
  const region = /^.*\/ndbus\d+\/region\d+(?=\/)/.exec(directory)?.[0];
  if (region !== undefined) return [persistentMemory(name, region, files)];
  if (/\/dax\d+\.\d+$/.test(directory)) return [{ name, volatile: "its memory belongs to no NVDIMM region" }];
  if (/^(ram|zram)\d+$/.test(name)) return [{ name, volatile: "it is a disk in ordinary memory" }];
  const backingFile = files.readText(`${directory}/loop/backing_file`)?.trim();
  return [backingFile === undefined ? { name } : { name, backingFile }];
}

function persistentMemory(name: string, region: string, files: SystemFiles): Leaf {
  const persistenceDomain = files.readText(`${region}/persistence_domain`)?.trim() ?? "";
  const provider = files.readText(`${region.slice(0, region.lastIndexOf("/"))}/provider`)?.trim();
  const simulated = provider === "e820" && /\bmemmap=\S*!/.test(files.readText("/proc/cmdline") ?? "");
  return {
    name,
    region,
    persistenceDomain,
    ...(simulated && { volatile: "the kernel was told to take ordinary memory for it (memmap=…!…)" }),
  };
}

/** A path without `..` and `.`. */
function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
