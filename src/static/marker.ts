/**
 * The marker of a seal: an extended attribute that says who set the immutable flag, and what the map of blocks was when that was
 * proven. Text, so that `getfattr -d` shows it; docs/static-dax.md describes it.
 *
 * @module
 */

import { type BlockMap, difference, type Run } from "./block_map.ts";

/** The attribute's name. In the namespace `user`: whoever may read the file may know that it is static. */
export const markerName = "user.daxfile.static";

/** The most that a marker takes, in bytes: ext4 keeps all attributes of a file in one block. */
export const markerLimitBytes = 2048;

/** What a marker says. */
export interface Marker {
  readonly size: number;
  /** The alignment that was proven, in bytes. */
  readonly alignBytes: number;
  /** Whether the file had the flag `noatime` before it was sealed. */
  readonly noAccessTime: boolean;
  /** Whether it had the flag `nodump`. */
  readonly noDump: boolean;
  /** How many runs the map has. */
  readonly count: number;
  /** Of the whole map, 16 hexadecimal digits. */
  readonly hash: string;
  /** As many of the runs as there is room for. */
  readonly runs: readonly Run[];
}

/** The marker of a map that was proven. */
export function markerOf(
  map: BlockMap,
  alignBytes: number,
  before: { readonly noAccessTime: boolean; readonly noDump: boolean },
): Marker {
  const runs: Run[] = [];
  let room = markerLimitBytes - 160; // for what stands before them: four numbers of at most 16 digits, and two flags
  for (const run of map.runs) {
    room -= textOf(run).length + 1;
    if (room < 0) break;
    runs.push(run);
  }
  return { size: map.size, alignBytes, ...before, count: map.runs.length, hash: hashOf(map), runs };
}

/** As it is kept: `1 size=8192 align=4096 noatime=0 nodump=0 runs=1 hash=0123456789abcdef 0+8192@1048576`. */
export function encodeMarker(marker: Marker): string {
  const { size, alignBytes, count, hash, runs } = marker;
  const flags = `noatime=${Number(marker.noAccessTime)} nodump=${Number(marker.noDump)}`;
  const head = `1 size=${size} align=${alignBytes} ${flags} runs=${count} hash=${hash}`;
  return [head, ...runs.map(textOf)].join(" ");
}

/** What a text says; undefined where it is no marker of this version. */
export function decodeMarker(text: string): Marker | undefined {
  const form =
    /^1 size=(\d{1,16}) align=(\d{1,16}) noatime=([01]) nodump=([01]) runs=(\d{1,16}) hash=([0-9a-f]{16})((?: \d{1,16}\+\d{1,16}@\d{1,16})*)$/;
  const found = form.exec(text);
  if (found === null) return undefined;
  const [, size, align, noatime, nodump, count, hash, rest] = found;
  const runs = rest!.split(" ").slice(1).map((word) => {
    const [byteOffset, byteLength, physical] = word.split(/[+@]/).map(Number);
    return { byteOffset: byteOffset!, byteLength: byteLength!, physical: physical! };
  });
  return {
    size: Number(size),
    alignBytes: Number(align),
    noAccessTime: noatime === "1",
    noDump: nodump === "1",
    count: Number(count),
    hash: hash!,
    runs,
  };
}

/** What is different in the file from what the marker says, in words; undefined where nothing is. */
export function changed(marker: Marker, map: BlockMap): string | undefined {
  if (marker.hash === hashOf(map)) return undefined;
  const known = difference(marker, map);
  if (known !== undefined) return known;
  const last = marker.runs.at(-1);
  const end = last === undefined ? 0 : last.byteOffset + last.byteLength;
  return `the map of its blocks is another one from byte ${end} on`;
}

function textOf({ byteOffset, byteLength, physical }: Run): string {
  return `${byteOffset}+${byteLength}@${physical}`;
}

/** Of size and runs: 64 bits, from two lanes of MurmurHash3's mixing. Against accidents; who is root needs no accident. */
function hashOf({ size, runs }: BlockMap): string {
  let a = 0x9e3779b9 ^ runs.length, b = 0x85ebca6b;
  const add = (word: number) => {
    a = Math.imul(a ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
    a = (a << 13 | a >>> 19) + 0xe6546b64 | 0;
    b = Math.imul(b ^ Math.imul(word + a, 0x38b34ae5), 0xa1e38b93);
    b = (b << 17 | b >>> 15) + 0x561ccd1b | 0;
  };
  const addWhole = (value: number) => {
    add(value >>> 0);
    add(Math.floor(value / 2 ** 32));
  };
  addWhole(size);
  for (const { byteOffset, byteLength, physical } of runs) {
    addWhole(byteOffset);
    addWhole(byteLength);
    addWhole(physical);
  }
  const digits = (lane: number) =>
    (Math.imul(lane ^ lane >>> 16, 0x85ebca6b) >>> 0).toString(16).padStart(8, "0");
  return digits(a ^ b) + digits(b);
}
