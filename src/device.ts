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

/** The directory of a device in sysfs, below that of its disk if it is a partition; undefined where sysfs does not show it. */
export function directoryOf(kind: "block" | "char", device: Device, files: SystemFiles): string | undefined {
  const link = files.readLink(`/sys/dev/${kind}/${device.major}:${device.minor}`);
  return link === undefined ? undefined : normalise(`/sys/dev/${kind}/${link}`);
}

/** Whether a block device, or the one that it is a partition of, can be mapped directly; undefined where sysfs does not say. */
export function offersDax(device: Device, files: SystemFiles): boolean | undefined {
  const directory = directoryOf("block", device, files);
  if (directory === undefined) return undefined;
  const text = files.readText(`${directory}/queue/dax`) ?? files.readText(`${parentOf(directory)}/queue/dax`);
  return text === undefined ? undefined : text.trim() === "1";
}

/** Whether every one of the devices keeps its CPU caches over a power cut (eADR). */
export function cachesArePersistent(leaves: readonly Leaf[]): boolean {
  return leaves.length > 0 && leaves.every((leaf) => leaf.persistenceDomain === "cpu_cache");
}

/**
 * Whether a host has to be asked to write back (virtio-pmem), so that MAP_SYNC must not be believed: Linux 6.1 gives it to such a
 * device when NVDIMM namespaces were made anew before, as the virtual machine of the tests shows.
 */
export function needHost(leaves: readonly Leaf[]): boolean {
  return leaves.some(({ region }) => region?.includes("/virtio"));
}

function walk(path: string, files: SystemFiles, depth: number): Leaf[] {
  const directory = normalise(path);
  const name = nameOf(directory);
  if (depth === 0) return [{ name, volatile: `more than ${depthLimit} devices lie on each other` }];
  // A partition has its disk's slaves and its disk's backing file
  const disk = files.readText(`${directory}/partition`) === undefined ? directory : parentOf(directory);
  const below = files.listDirectory(`${disk}/slaves`);
  if (below.length > 0) {
    return below.flatMap((slave) => {
      const link = files.readLink(`${disk}/slaves/${slave}`);
      return link === undefined
        ? [{ name: slave, volatile: "sysfs does not show where it is" }]
        : walk(`${disk}/slaves/${link}`, files, depth - 1);
    });
  }
  const region = /^.*\/ndbus\d+\/region\d+(?=\/)/.exec(directory)?.[0];
  if (region !== undefined) return [persistentMemory(name, region, files)];
  if (/\/dax\d+\.\d+$/.test(directory)) return [{ name, volatile: "its memory belongs to no NVDIMM region" }];
  if (/^(ram|zram|nullb)\d+$/.test(nameOf(disk))) {
    return [{ name, volatile: "it is a disk in ordinary memory" }];
  }
  const backingFile = files.readText(`${disk}/loop/backing_file`)?.trim();
  return [backingFile === undefined ? { name } : { name, backingFile }];
}

function persistentMemory(name: string, region: string, files: SystemFiles): Leaf {
  const persistenceDomain = files.readText(`${region}/persistence_domain`)?.trim() ?? "";
  const provider = files.readText(`${parentOf(region)}/provider`)?.trim();
  const simulated = provider === "e820" && /\bmemmap=\S*!/.test(files.readText("/proc/cmdline") ?? "");
  return {
    name,
    region,
    persistenceDomain,
    ...(simulated && { volatile: "the kernel was told to take ordinary memory for it (memmap=…!…)" }),
  };
}

function nameOf(directory: string): string {
  return directory.slice(directory.lastIndexOf("/") + 1);
}

/** The directory above a directory of sysfs. */
export function parentOf(directory: string): string {
  return directory.slice(0, directory.lastIndexOf("/"));
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
