/**
 * What an open file lies on: the file system, the devices under it, and whether its bytes survive a power cut once the
 * system says that they are written. What is not known to survive is not said to.
 *
 * @module
 */

import { cachesArePersistent, type Leaf, leavesOf, type SystemFiles } from "./device.ts";
import {
  type Device,
  fileSystemMagic,
  FileType,
  inspect,
  listDirectory,
  readLink,
  readText,
  type Stat,
} from "./system.ts";

/** Where a file lies. */
export interface Medium {
  /** The file system's type as in /proc/mounts (`ext4`, `xfs`, `tmpfs`), or `device-dax`. */
  readonly fileSystem: string;
  /** Where it is mounted and with which options; absent for device-dax. */
  readonly mount?: { readonly point: string; readonly source: string; readonly options: readonly string[] };
  /** The devices at the bottom. */
  readonly leaves: readonly Leaf[];
  /** Whether the CPU caches over all of it survive a power cut (eADR). */
  readonly eadr: boolean;
  /** Whether the file lives in ordinary memory and is never written anywhere. */
  readonly inMemory: boolean;
  /** Why nothing survives a power cut, or why that is not known; absent where it survives. */
  readonly volatile?: string;
}

/** The kernel's own sysfs and proc. */
export const kernelFiles: SystemFiles = { readText, readLink, listDirectory };

/** File systems in ordinary memory. */
const inMemory = new Set(["tmpfs", "ramfs", "hugetlbfs", "devtmpfs", "rootfs"]);

/** Magic numbers (statfs(2)) of the file systems in memory that the kernel mounts for itself. */
const unmounted = new Map([[0x01021994, "tmpfs"], [0x958458f6, "hugetlbfs"]]);

/** File systems without a block device of their own whose fsync is known to reach stable storage. */
const trusted = new Set(["zfs", "nfs", "nfs4", "ceph", "cifs", "smb3"]);

/** How many loop devices may lie under each other. */
const depthLimit = 4;

/** Describes where an open file lies. */
export function mediumOf(file: number, stat: Stat, depth = depthLimit): Medium {
  if ((stat.mode & FileType.mask) === FileType.character) return deviceDax(stat.deviceNumber);
  const mount = mountOf(stat, readText("/proc/self/mountinfo") ?? "");
  if (mount === undefined) {
    // A memfd lies on a tmpfs that is mounted nowhere
    const fileSystem = unmounted.get(fileSystemMagic(file));
    return {
      fileSystem: fileSystem ?? "unknown",
      leaves: [],
      eadr: false,
      inMemory: fileSystem !== undefined,
      volatile: fileSystem === undefined
        ? "its mount is not listed in /proc/self/mountinfo"
        : `${fileSystem} lives in memory`,
    };
  }
  const { fileSystem, source, options, point } = mount;
  const base = { fileSystem, mount: { point, source, options } };
  if (inMemory.has(fileSystem)) {
    return { ...base, leaves: [], eadr: false, inMemory: true, volatile: `${fileSystem} lives in memory` };
  }
  const leaves = leavesOf("block", blockDevice(stat.device, source), kernelFiles);
  const reason = options.some((option) => option === "nobarrier" || option === "barrier=0")
    ? "the file system is mounted without barriers, so a disk's own cache is never flushed"
    : leaves.length === 0
    ? (trusted.has(fileSystem) ? undefined : `what lies under ${fileSystem} cannot be seen from here`)
    : leaves.map((leaf) => volatility(leaf, depth)).find((found) => found !== undefined);
  return {
    ...base,
    leaves,
    eadr: cachesArePersistent(leaves),
    inMemory: false,
    ...(reason !== undefined && { volatile: reason }),
  };
}

/** The length and alignment of a device-dax, in bytes; undefined for any other file. */
export function deviceDaxGeometry(stat: Stat): { byteLength: number; alignBytes: number } | undefined {
  if ((stat.mode & FileType.mask) !== FileType.character) return undefined;
  const directory = `/sys/dev/char/${stat.deviceNumber.major}:${stat.deviceNumber.minor}`;
  const subsystem = readLink(`${directory}/subsystem`);
  if (subsystem === undefined || !/\/dax$/.test(subsystem)) return undefined;
  const byteLength = Number(readText(`${directory}/size`));
  const alignBytes = Number(readText(`${directory}/align`));
  return byteLength > 0 && alignBytes > 0 ? { byteLength, alignBytes } : undefined;
}

function deviceDax(device: Device): Medium {
  const leaves = leavesOf("char", device, kernelFiles);
  const reason = leaves.length === 0
    ? "its device is not listed in sysfs"
    : leaves.map((leaf) => leaf.volatile).find((found) => found !== undefined);
  return {
    fileSystem: "device-dax",
    leaves,
    eadr: cachesArePersistent(leaves),
    inMemory: false,
    ...(reason !== undefined && { volatile: reason }),
  };
}

/** Why a device does not keep its bytes over a power cut; follows a loop device to the file behind it. */
function volatility(leaf: Leaf, depth: number): string | undefined {
  if (leaf.volatile !== undefined) return `${leaf.name}: ${leaf.volatile}`;
  if (leaf.backingFile === undefined) return undefined;
  const below = depth === 0
    ? undefined
    : inspect(leaf.backingFile, (file, stat) => mediumOf(file, stat, depth - 1));
  if (below === undefined) return `the file behind ${leaf.name} cannot be seen from here`;
  return below.volatile === undefined
    ? undefined
    : `${leaf.name} lies on ${leaf.backingFile}: ${below.volatile}`;
}

/** The block device that a file's file system is on: a partition or device-mapper itself, not what lies below it. */
export function blockDeviceOf(stat: Stat, { mount }: Pick<Medium, "mount">): Device {
  return blockDevice(stat.device, mount?.source ?? "");
}

/** The block device of a file system: its own number, or where that is a made-up one (btrfs) the device it was mounted from. */
function blockDevice(device: Device, source: string): Device {
  if (device.major !== 0 || !source.startsWith("/dev/")) return device;
  return inspect(source, (_, stat) => stat.deviceNumber) ?? device;
}

interface Mount {
  fileSystem: string;
  point: string;
  source: string;
  options: string[];
}

/**
 * The mount that a file was opened through: by its id (statx, since Linux 5.8), else by the device's number.
 * The format is proc_pid_mountinfo(5).
 */
export function mountOf(stat: Pick<Stat, "mountId" | "device">, mountinfo: string): Mount | undefined {
  const number = `${stat.device.major}:${stat.device.minor}`;
  let byDevice: Mount | undefined;
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    if (before === undefined || after === undefined) continue;
    const [id, , device, , point, options] = before.split(" ");
    const [fileSystem, source, superOptions] = after.split(" ");
    const mount: Mount = {
      fileSystem: fileSystem ?? "unknown",
      point: unescape(point ?? ""),
      source: unescape(source ?? ""),
      options: `${options},${superOptions ?? ""}`.split(","),
    };
    if (Number(id) === stat.mountId) return mount;
    if (device === number) byDevice = mount;
  }
  return byDevice;
}

/** Spaces and the like are written in octal there: `\040`. */
function unescape(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
