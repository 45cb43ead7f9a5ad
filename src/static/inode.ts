/**
 * What the kernel keeps of a file beside its bytes: flags, an attribute, a lease. Results are the kernel's, a negative one being
 * −errno.
 *
 * @module
 */

import { library } from "../../ffi/library.ts";
import { scratchStart } from "../system.ts";

/** Flags of an inode, as FS_IOC_GETFLAGS gives them (chattr(1)). */
export const InodeFlag = { immutable: 0x10, noDump: 0x40, noAccessTime: 0x80 } as const;

/** What `daxfile1_inode` asks. */
const Request = { getFlags: 0, setFlags: 1, getExtended: 2, setExtended: 3, xfsGeometry: 4 } as const;

/** FS_XFLAG_REALTIME and FS_XFLAG_EXTSIZE of struct fsxattr. */
const realtimeFlag = 1, extentSizeFlag = 0x800;

/** XFS_FSOP_GEOM_FLAGS_REFLINK of struct xfs_fsop_geom, whose flags lie at byte 92. */
const reflinkFlag = 1 << 20, geometryFlags = 92;

/** Operations on a write lease, and the answer to `ask` where it is held; `wait` lets system calls that are under way end. */
export const Lease = { take: 1, release: 2, ask: 3, wait: 4, held: 1 } as const;

const encoder = new TextEncoder();

/** The flags, or −errno. */
export function inodeFlags(file: number): number {
  const { native, scratch: { address, data } } = library();
  data.setUint32(scratchStart, 0, true);
  const result = native.daxfile1_inode(file, Request.getFlags, address + scratchStart);
  return result < 0 ? result : data.getUint32(scratchStart, true);
}

/** Replaces the flags, all in one step. */
export function setInodeFlags(file: number, flags: number): number {
  const { native, scratch: { address, data } } = library();
  data.setUint32(scratchStart, flags, true);
  return native.daxfile1_inode(file, Request.setFlags, address + scratchStart);
}

/** Whether an XFS file lies on the real-time device, whose name FIEMAP does not tell; undefined where it cannot be asked. */
export function onRealtimeDevice(file: number): boolean | undefined {
  const { native, scratch: { address, data } } = library();
  const result = native.daxfile1_inode(file, Request.getExtended, address + scratchStart);
  return result < 0 ? undefined : (data.getUint32(scratchStart, true) & realtimeFlag) !== 0;
}

/** Asks XFS for extents of whole multiples of a size; only for a file that has none yet. */
export function setExtentSize(file: number, byteLength: number): number {
  const { native, scratch: { address, data } } = library();
  const result = native.daxfile1_inode(file, Request.getExtended, address + scratchStart);
  if (result < 0) return result;
  data.setUint32(scratchStart, data.getUint32(scratchStart, true) | extentSizeFlag, true);
  data.setUint32(scratchStart + 4, byteLength, true);
  return native.daxfile1_inode(file, Request.setExtended, address + scratchStart);
}

/** Whether the XFS that an open file lies on can share blocks between files; undefined where it cannot be asked. */
export function canShareBlocks(file: number): boolean | undefined {
  const { native, scratch: { address, data } } = library();
  const result = native.daxfile1_inode(file, Request.xfsGeometry, address + scratchStart);
  return result < 0 ? undefined : (data.getUint32(scratchStart + geometryFlags, true) & reflinkFlag) !== 0;
}

/** The text of an attribute, or −errno. Larger than `limitBytes` is ERANGE. */
export function attribute(file: number, name: string, limitBytes: number): string | number {
  const { native, scratch: { address, bytes } } = library();
  const value = putName(name);
  const result = native.daxfile1_attribute(file, address + scratchStart, address + value, limitBytes);
  return result < 0 ? result : String.fromCharCode(...bytes.subarray(value, value + result));
}

/** Makes an attribute or replaces it. ASCII, at least one character. */
export function setAttribute(file: number, name: string, text: string): number {
  const { native, scratch: { address, bytes } } = library();
  const value = putName(name);
  const { written } = encoder.encodeInto(text, bytes.subarray(value));
  return native.daxfile1_set_attribute(file, address + scratchStart, address + value, written);
}

/** Takes an attribute away. */
export function removeAttribute(file: number, name: string): number {
  const { native, scratch: { address } } = library();
  const value = putName(name);
  return native.daxfile1_set_attribute(file, address + scratchStart, address + value, 0);
}

/** Puts a name into the scratch memory; gives where the bytes after it begin. */
function putName(name: string): number {
  const { scratch: { bytes } } = library();
  const { written } = encoder.encodeInto(`${name}\0`, bytes.subarray(scratchStart));
  return scratchStart + written;
}
