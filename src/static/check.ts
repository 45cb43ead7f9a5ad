/**
 * Whether a file can be static, in the order in which the system call looks (kernel/README.md). Nothing is changed.
 *
 * @module
 */

import { needHost } from "../device.ts";
import { meaningOf } from "../errno.ts";
import { blockDeviceOf, kernelFiles, type Medium } from "../medium.ts";
import { pageBytes } from "../options.ts";
import { fileExtents, FileType, inspect, readText, type Stat } from "../system.ts";
import { mediaErrors } from "./bad_blocks.ts";
import { type BlockMap, blockMap, misaligned } from "./block_map.ts";
import { canShareBlocks, onRealtimeDevice } from "./inode.ts";
import { physicalBase } from "./physical.ts";
import { isRefusal, type Refusal } from "./refusal.ts";

/** An open file that shall be static. */
export interface Subject {
  readonly file: number;
  readonly path: string;
  readonly stat: Stat;
  readonly medium: Medium;
}

/** CAP_LINUX_IMMUTABLE, capabilities(7). */
const immutableCapability = 9;

export const capabilityHint = "It needs the capability CAP_LINUX_IMMUTABLE: run it as root";

/** Whether this process may make files static. As the kernel says it of the thread; in a user namespace it may yet say no. */
export function capabilityRefusal(): Refusal | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)/m.exec(readText("/proc/thread-self/status") ?? "")?.[1];
  // Not to be read: the kernel will say
  if (effective === undefined || (BigInt(`0x${effective}`) >> BigInt(immutableCapability)) % 2n === 1n) {
    return undefined;
  }
  return { error: "EPERM", reason: meaningOf(1), hint: capabilityHint };
}

/** Whether `align`, as the caller gave it, is one: 0, or a power of two from the page size on. */
export function alignRefusal(align: number): Refusal | undefined {
  const page = pageBytes();
  if (align === 0 || (align >= page && Number.isInteger(Math.log2(align)))) return undefined;
  const reason = `align ${align} is not a power of two from the page size, ${page}, on`;
  return { error: "EINVAL", reason, hint: "0 means the page size" };
}

/**
 * The map of a file that can be static, or why it cannot. Reads all of its extents, after it has written what the page cache holds.
 *
 * @param align in bytes, one that {@linkcode alignRefusal} lets pass
 * @param refused whether the system call has looked, and said no: it knows physical addresses, also where they are not told
 */
export function prove(subject: Subject, align: number, refused = false): BlockMap | Refusal {
  const refusal = kindRefusal(subject) ?? placeRefusal(subject);
  if (refusal !== undefined) return refusal;
  const map = readMap(subject);
  if (isRefusal(map)) return map;
  return hostRefusal(subject) ?? mediaErrors(subject, map) ??
    misalignment(subject, map, align, refused) ?? map;
}

/** The map of a file's blocks, or why it is none to rely on. */
export function readMap({ file, stat }: Pick<Subject, "file" | "stat">): BlockMap | Refusal {
  const extents = fileExtents(file);
  if (typeof extents !== "number") return blockMap(extents, stat.size);
  return { error: "EINVAL", reason: `the map of its blocks cannot be read: ${meaningOf(-extents)}` };
}

/** What a new file in the same place would meet, whatever its blocks. */
export function newFileRefusal(subject: Subject): Refusal | undefined {
  return daxRefusal(subject) ?? placeRefusal(subject) ?? hostRefusal(subject);
}

/** What kind of file it is. */
function kindRefusal(subject: Subject): Refusal | undefined {
  const { stat } = subject;
  if ((stat.mode & FileType.mask) !== FileType.regular) {
    return { error: "EINVAL", reason: "it is no regular file", hint: "Name a file, or a device-dax" };
  }
  if (isSwapFile(stat)) {
    return { error: "EBUSY", reason: "it is a swap file in use", hint: "`swapoff FILE` ends that" };
  }
  const refusal = daxRefusal(subject);
  if (refusal !== undefined || stat.links > 0) return refusal;
  return { error: "ENOENT", reason: "it has no name any more", hint: "Make it anew" };
}

function daxRefusal({ stat }: Subject): Refusal | undefined {
  if (stat.dax) return undefined;
  const reason = stat.dax === false
    ? "it is not mapped directly (DAX)"
    : "this kernel does not tell whether it is mapped directly (STATX_ATTR_DAX, since Linux 5.8)";
  return { error: "EINVAL", reason, hint: "`daxfile doctor` says what stands against DAX" };
}

/** What it lies on. */
function placeRefusal({ file, medium: { fileSystem } }: Subject): Refusal | undefined {
  if (fileSystem !== "ext4" && fileSystem !== "xfs") {
    const reason = `${fileSystem} is not known to keep blocks in place`;
    return { error: "ENOTSUP", reason, hint: "Put the file on ext4 or XFS, or use a device-dax" };
  }
  if (fileSystem === "xfs" && onRealtimeDevice(file) !== false) {
    const reason = "it lies on a real-time device, and the map of its blocks does not name the device";
    return { error: "EINVAL", reason, hint: "`xfs_io -c 'chattr -r'` on its empty file undoes that" };
  }
  return undefined;
}

/** What stands against the seal on XFS, which keeps the map only from those who open the file later. */
export function sharingRefusal({ file, medium }: Subject): Refusal | undefined {
  if (medium.fileSystem !== "xfs" || canShareBlocks(file) === false) return undefined;
  const reason =
    "this XFS has reflink: blocks of an immutable file can be shared with another one, and then move when they " +
    "are written";
  const hint =
    "Make the file system with `mkfs.xfs -m reflink=0`, use ext4 or a device-dax, or a kernel with daxctl(2)";
  return { error: "ENOTSUP", reason, hint };
}

function hostRefusal({ medium }: Subject): Refusal | undefined {
  if (!needHost(medium.leaves)) return undefined;
  const reason = "its device (virtio-pmem) is durable only after fsync, whether blocks move or not";
  return { error: "ENOTSUP", reason, hint: "Give the guest an NVDIMM: `-device nvdimm`" };
}

/** The physical addresses, where more than a page is asked for: a page is what every device begins at. */
function misalignment(
  { stat, medium }: Subject,
  map: BlockMap,
  align: number,
  refused: boolean,
): Refusal | undefined {
  const page = pageBytes();
  const alignBytes = align === 0 ? page : align;
  const hint = `Let daxfile create it with align: ${alignBytes}, which looks for aligned blocks`;
  let base = 0;
  if (alignBytes > page) {
    const found = physicalBase(blockDeviceOf(stat, medium), kernelFiles);
    if (isRefusal(found)) {
      if (!refused) return found;
      const reason = `a run of blocks is not aligned to ${alignBytes}, in the file or in physical memory; ` +
        `which one, the kernel does not say, and here it is not known: ${found.reason}`;
      return { error: "EINVAL", reason, hint };
    }
    base = found.base;
  }
  const run = misaligned(map, alignBytes, base);
  if (run === undefined) return undefined;
  const reason = `the run of blocks from byte ${run.byteOffset} on lies at physical address ` +
    `${base + run.physical}, which is not aligned to ${alignBytes}`;
  return { error: "EINVAL", reason, hint };
}

function isSwapFile({ inode, device }: Stat): boolean {
  const lines = (readText("/proc/swaps") ?? "").split("\n").slice(1);
  return lines.some((line) => {
    const [name = "", kind] = line.split(/\s+/);
    if (kind !== "file") return false;
    const path = name.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
    const same = (stat: Stat) =>
      stat.inode === inode && stat.device.major === device.major && stat.device.minor === device.minor;
    return inspect(path, (_, stat) => same(stat)) === true;
  });
}
