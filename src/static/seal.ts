/**
 * The seal: the immutable flag, set when the map of blocks is proven, and proven again after; with a marker, so that an
 * administrator's own `chattr +i` is not taken for it. On today's kernels this is what keeps a file static.
 *
 * The order is such that a process may be killed after any step:
 *
 * 1. the marker, with the map as it was proven: not static, and ordinary in every respect;
 * 2. on XFS: the flag, and in the same step `nodump` to its opposite: provisional, not static to anybody, and cleared as a seal is;
 *    then the map again, and whether somebody else has the file open by now: if so, the flag is taken back;
 * 3. the flag, and in the same step `noatime` to its opposite, so that a marker that was left behind and a flag that somebody else
 *    set later are not taken for a seal: static, for whoever looks compares the map with the marker;
 * 4. elsewhere: the map again. ext4 lets no other flag be changed beside the immutable one, and needs nobody to be alone.
 *
 * Whoever was told "static" has the file open, and relies on it. So from step 3 on the flag is taken back only where the file's state or
 * map is no longer the marker's, or cannot be read: where the next answer would be no, with the flag too.
 *
 * @module
 */

import { library } from "../../ffi/library.ts";
import { codeOf, meaningOf } from "../errno.ts";
import { pageBytes } from "../options.ts";
import { FileType, type Stat, statFile } from "../system.ts";
import { type BlockMap, difference } from "./block_map.ts";
import { capabilityHint, readMap, sharingRefusal, type Subject } from "./check.ts";
import {
  attribute,
  InodeFlag,
  inodeFlags,
  Lease,
  removeAttribute,
  setAttribute,
  setInodeFlags,
} from "./inode.ts";
import {
  changed,
  decodeMarker,
  encodeMarker,
  type Marker,
  markerLimitBytes,
  markerName,
  markerOf,
} from "./marker.ts";
import { giveNotice, isNoticeGiven, withdrawNotice } from "./notice.ts";
import { isRefusal, type Refusal } from "./refusal.ts";
import { release, stillSole, takeSole } from "./sole.ts";

/** What a file carries of a seal. */
export type Seal =
  /** Nothing. */
  | { readonly state: "none" }
  /** The immutable flag, which was not set by a seal. */
  | { readonly state: "foreign" }
  /**
   * All of it; the flag, but with the sign that it may still be taken back, or while somebody is about to take it away; or only the
   * marker. The last two: somebody is about to seal or clear it, or whoever sealed or opened it was killed, or it was cleared by hand.
   */
  | { readonly state: "sealed" | "provisional" | "interrupted"; readonly marker: Marker };

/** Whether the immutable flag was set by a seal, finished or not, and stands. */
export function isShut(seal: Seal): seal is Seal & { state: "sealed" | "provisional" } {
  return seal.state === "sealed" || seal.state === "provisional";
}

/** What an open file carries of a seal; says nothing of its map. */
export function sealOf(file: number): Seal {
  const stat = statFile(file);
  // To a device, the number of the request may be another one
  if (typeof stat === "number" || (stat.mode & FileType.mask) !== FileType.regular) return { state: "none" };
  // First: who gives notice later sees that the file is open here
  const isNoticed = isNoticeGiven(file, stat);
  const flags = inodeFlags(file);
  if (flags < 0) return { state: "none" };
  const immutable = (flags & InodeFlag.immutable) !== 0;
  const text = attribute(file, markerName, markerLimitBytes);
  const marker = typeof text === "string" ? decodeMarker(text) : undefined;
  if (marker === undefined) return { state: immutable ? "foreign" : "none" };
  if (!immutable) return { state: "interrupted", marker };
  const { noAccessTime, noDump } = ordinaryFlags(flags);
  if (noAccessTime !== marker.noAccessTime) return { state: isNoticed ? "provisional" : "sealed", marker };
  return noDump === marker.noDump ? { state: "foreign" } : { state: "provisional", marker };
}

/** Those of a file's flags that a seal uses beside the immutable one. */
function ordinaryFlags(flags: number): { noAccessTime: boolean; noDump: boolean } {
  return {
    noAccessTime: (flags & InodeFlag.noAccessTime) !== 0,
    noDump: (flags & InodeFlag.noDump) !== 0,
  };
}

/** Whether a file is static by its seal: sealed, its map the one that was proven, and mapped directly. */
export function isSealed(file: number, stat: Stat): boolean {
  if (!stat.immutable || !stat.dax) return false;
  const seal = sealOf(file);
  return seal.state === "sealed" && changeOf(seal.marker, file, stat) === undefined;
}

/** What is no longer as the marker says, in words; undefined where all is. */
export function changeOf(marker: Marker, file: number, stat: Stat): string | undefined {
  const map = readMap({ file, stat });
  if (!isRefusal(map)) return changed(marker, map);
  return stat.size === marker.size ? map.reason : `it had ${marker.size} bytes, and has ${stat.size}`;
}

/** What a change means, for who relied on the map. */
export function changeRefusal(what: string): Refusal {
  return {
    error: "ESTALE",
    reason: `it was static, and its blocks were moved while the seal was off: ${what}`,
    hint: "Look whether its bytes are right; it is an ordinary file now, and opened again it gets a new seal",
  };
}

/**
 * Seals a file whose map was just proven.
 *
 * @param subject open to read and write, mapped or not
 * @param leased whether the caller holds the lease of sole.ts; it is given back in any case
 * @returns why it could not be done; the file is then ordinary, unless it was only that the seal could not be synced: then it stays, for
 *   somebody may have been told of it
 */
export function seal(subject: Subject, map: BlockMap, align: number, leased: boolean): Refusal | undefined {
  const { file, medium } = subject;
  const refusal = sharingRefusal(subject);
  if (refusal !== undefined) {
    if (leased) release(file);
    return refusal;
  }
  // On ext4 the flag stops old descriptors too; on XFS it stops only those that are opened later
  const sole = leased || medium.fileSystem === "xfs";
  if (sole && !leased) {
    const open = takeSole(file);
    if (open !== undefined) return onlyAlone(open);
  }
  try {
    return setSeal(subject, map, align, sole);
  } finally {
    if (sole) release(file);
  }
}

function onlyAlone({ error, reason, hint }: Refusal): Refusal {
  if (error !== "EBUSY") return { error, reason, ...(hint !== undefined && { hint }) };
  const why = `${reason}, and XFS lets a file that is already open change its blocks`;
  return { error: "ENOTSUP", reason: why, ...(hint !== undefined && { hint }) };
}

function setSeal(subject: Subject, map: BlockMap, align: number, sole: boolean): Refusal | undefined {
  const { file } = subject;
  const flags = inodeFlags(file);
  if (flags < 0) return refused("the flags of the file cannot be read", flags);
  const text = encodeMarker(markerOf(map, align === 0 ? pageBytes() : align, ordinaryFlags(flags)));
  if (attribute(file, markerName, markerLimitBytes) !== text) {
    const result = setAttribute(file, markerName, text);
    if (result < 0) return refused(`the file cannot be marked (${markerName})`, result);
  }
  const refusal = setFlags(subject, map, flags, sole);
  if (refusal !== undefined) {
    setInodeFlags(file, flags);
    removeAttribute(file, markerName);
    return refusal;
  }
  const synced = library().native.daxfile1_sync(file, 0);
  return synced < 0 ? refused("it is sealed, but that cannot be synced", synced) : undefined;
}

/** Sets the flag with the sign of a seal, and proves the map with the flag set. Who is refused has to take the flag back. */
function setFlags(subject: Subject, map: BlockMap, flags: number, sole: boolean): Refusal | undefined {
  const { file } = subject;
  const immutable = flags | InodeFlag.immutable;
  const sealed = immutable ^ InodeFlag.noAccessTime;
  if (subject.medium.fileSystem === "xfs") {
    const provisional = immutable ^ InodeFlag.noDump;
    return setFlag(file, provisional) ?? proveAgain(subject, map, provisional) ?? proveSole(file) ??
      setFlag(file, sealed);
  }
  // Who opens it after this look can change no block once the flag is there, as nobody can on ext4: a change before is seen in the map
  return (sole ? proveSole(file) : undefined) ?? setFlag(file, sealed) ?? proveAgain(subject, map, sealed);
}

function setFlag(file: number, flags: number): Refusal | undefined {
  const result = setInodeFlags(file, flags);
  return result < 0 ? refused("the immutable flag cannot be set", result) : undefined;
}

/** After the flag. Somebody may have been inside the kernel, past its look at the flag, when that was set. */
function proveAgain(subject: Subject, map: BlockMap, flags: number): Refusal | undefined {
  const { file } = subject;
  const settled = library().native.daxfile1_lease(file, Lease.wait);
  if (settled < 0 && subject.medium.fileSystem === "xfs") {
    return refused("nobody can say whether an open is under way (membarrier)", settled);
  }
  // Who waits for the file's lock has it before this call does
  const result = setInodeFlags(file, flags);
  if (result < 0 || inodeFlags(file) !== flags) return refused("the immutable flag does not stay", result);
  // The flag protects the marker too, but it was not there when that was written
  if (!isShut(sealOf(file))) {
    return {
      error: "EBUSY",
      reason: "somebody clears it: the marker is gone",
      hint: "Do it when nobody else does",
    };
  }
  const stat = statFile(file);
  if (typeof stat === "number") return refused("the file cannot be looked at", stat);
  const now = readMap({ file, stat });
  if (isRefusal(now)) return now;
  const change = difference(map, now);
  if (change === undefined) return undefined;
  return {
    error: "EBUSY",
    reason: `somebody changes it: ${change}`,
    hint: "Do it when nobody writes the file",
  };
}

const openedMeanwhile: Refusal = { error: "EBUSY", reason: "another program opened it meanwhile" };

/** Whether nobody opened the file, nor tried to, since the lease was taken; it is held again where that is so. */
function proveSole(file: number): Refusal | undefined {
  const alone = stillSole(file);
  release(file);
  const open = alone ? takeSole(file) : openedMeanwhile;
  return open === undefined ? undefined : onlyAlone(open);
}

/** So often somebody may come while the flag is taken away who has the file open no more. */
const visitsMax = 16;

/**
 * Takes the flag away and leaves the marker, with the lease of sole.ts held: for as long as it takes to open the file to write.
 *
 * The lease ends by itself when somebody waits for the file for longer than the kernel grants, and this process may be stopped anywhere.
 * So notice is given before the lease is asked for: who comes in later is not told that the file is static.
 *
 * @returns EBUSY if somebody came, and has it open; the file is then sealed as it was
 */
export function lift(file: number, marker: Marker): Refusal | undefined {
  const flags = inodeFlags(file);
  if (flags < 0) return refused("the flags of the file cannot be read", flags);
  const { immutable, noAccessTime, noDump } = InodeFlag;
  const before = (marker.noAccessTime ? noAccessTime : 0) | (marker.noDump ? noDump : 0);
  const ordinary = flags & ~(immutable | noAccessTime | noDump) | before;
  const notice = giveNotice(file);
  if (notice < 0) return refused("nobody can be told that the seal is taken away (a lock, fcntl(2))", notice);
  try {
    for (let visits = 0;; visits++) {
      if (stillSole(file)) {
        const result = setInodeFlags(file, ordinary);
        return result < 0 ? refused("the immutable flag cannot be taken away", result) : undefined;
      }
      // Who did not want to wait was turned away
      release(file);
      const open = takeSole(file) ?? (visits < visitsMax ? undefined : openedMeanwhile);
      if (open !== undefined) return open;
    }
  } finally {
    withdrawNotice(file);
  }
}

/** Makes a file ordinary that is sealed, or provisionally so. */
export function unseal(file: number, marker: Marker): Refusal | undefined {
  const refusal = lift(file, marker);
  if (refusal !== undefined) return refusal;
  removeAttribute(file, markerName);
  const result = library().native.daxfile1_sync(file, 0);
  return result < 0 ? refused("it cannot be synced", result) : undefined;
}

/** Takes a marker away that stands for no seal. */
export function forget(file: number): void {
  removeAttribute(file, markerName);
}

function refused(what: string, result: number): Refusal {
  const errno = result < 0 ? -result : 5;
  const reason = `${what}: ${meaningOf(errno)}`;
  return { error: codeOf(errno), reason, ...(errno === 1 && { hint: capabilityHint }) };
}
