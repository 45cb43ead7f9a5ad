/**
 * The header of a pool: what it is, which version, how it is divided. Written once, when the pool is made, and read as a stranger's bytes.
 *
 * @module
 */

import type { Region } from "../../mod.ts";
import { mustBeMade } from "../common/new_file.ts";
import {
  byteOrderMark,
  format,
  type Geometry,
  headerBytes,
  headerOffset,
  isGeometry,
  layoutBytesMax,
  markOffset,
  poolBytesMin,
  recordBytes,
  slotOffset,
  slotsOffset,
  version,
  wrongByteOrderMark,
} from "./layout.ts";
import { corrupt, refused } from "./refusal.ts";

/** Features that a file may name and this program knows: none yet. */
const knownIncompatible = 0, knownReadable = 0;

/** Where the fields of the payload are, from its beginning. */
const Field = {
  byteLength: 0,
  dataOffset: 8,
  dataLength: 16,
  overflowBytes: 24,
  slotBytes: 32,
  incompatible: 36,
  readable: 40,
  layoutBytes: 44,
  layout: 48,
  identity: 176,
} as const;

const payloadOffset = headerOffset + recordBytes;

const later = { drain: false };

/** What a header says. */
export interface Header {
  readonly geometry: Geometry;
  readonly layout: string;
  /** What the records of this pool are checked with: the checksum of the header, in which the identity is. */
  readonly seed: number;
}

/**
 * The name of a layout in UTF-8.
 *
 * @throws {TypeError} if it is no string, or no text that UTF-8 can say
 * @throws {RangeError} if it is too long
 */
export function encodeLayout(layout: string): Uint8Array {
  if (typeof layout !== "string") throw new TypeError(`layout is a string, not ${typeof layout}`);
  const bytes = new TextEncoder().encode(layout);
  if (bytes.length > layoutBytesMax) {
    throw new RangeError(
      `layout ${JSON.stringify(layout)} has ${bytes.length} bytes in UTF-8: at most ${layoutBytesMax}`,
    );
  }
  if (new TextDecoder().decode(bytes) !== layout) {
    throw new TypeError(
      `layout ${JSON.stringify(layout)} has half a character, or begins with a byte order mark`,
    );
  }
  return bytes;
}

/** The payload of a header. */
function encode(geometry: Geometry, layout: Uint8Array, identity: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(headerBytes), view = new DataView(payload.buffer);
  const set64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  set64(Field.byteLength, geometry.byteLength);
  set64(Field.dataOffset, geometry.dataOffset);
  set64(Field.dataLength, geometry.dataLength);
  set64(Field.overflowBytes, geometry.overflowBytes);
  view.setUint32(Field.slotBytes, geometry.slotBytes, true);
  view.setUint32(Field.layoutBytes, layout.length, true);
  payload.set(layout, Field.layout);
  set64(Field.identity, identity);
  return payload;
}

/**
 * Reads the header.
 *
 * @param toWrite whether transactions will be made
 * @throws {CorruptionError} if it is not a pool's, is damaged, or says another length than the file has
 * @throws {DaxError} ENOTSUP if a newer program made it, or a machine of another byte order
 */
export function readHeader(file: Region, toWrite: boolean): Header {
  mustBeMade(file, format);
  if (file.size < poolBytesMin) {
    const reason = `it is cut off: it has ${file.size} bytes, and the smallest pool has ${poolBytesMin}`;
    throw corrupt(file, file.size, reason);
  }
  // Of any version: the checksum of the header is where and what it is in this one
  const length = file.recordLength(headerOffset, slotsOffset, 0);
  const frame = file.view(DataView, headerOffset, recordBytes);
  const seed = frame.getUint32(4, true), found = frame.getUint32(8, true), order = frame.getUint32(12, true);
  if (order === wrongByteOrderMark) {
    const hint = "Read it on a machine like the one that made it";
    throw refused(file, "read the pool", "ENOTSUP", "it was written with the other byte order", hint);
  }
  if (length < 0 || order !== byteOrderMark) {
    const reason = `its header, at byteOffset ${headerOffset}, has not the checksum that belongs to it`;
    throw corrupt(file, headerOffset, reason);
  }
  if (found !== version || length !== headerBytes) {
    const reason = `it is a pool of version ${found}, and this program knows version ${version}`;
    throw refused(file, "read the pool", "ENOTSUP", reason, "Use the program that made it");
  }
  const payload = file.view(Uint8Array, payloadOffset, headerBytes).slice();
  const view = new DataView(payload.buffer);
  const get64 = (at: number) => {
    const low = view.getUint32(at, true), high = view.getUint32(at + 4, true);
    // A sum would be a double for the engine, and every offset that it is added to
    return high === 0 ? low : low + high * 0x1_0000_0000;
  };
  checkFeatures(
    file,
    view.getUint32(Field.incompatible, true),
    view.getUint32(Field.readable, true),
    toWrite,
  );
  const slotBytes = view.getUint32(Field.slotBytes, true),
    layoutBytes = view.getUint32(Field.layoutBytes, true);
  const geometry: Geometry = {
    byteLength: get64(Field.byteLength),
    slotBytes,
    overflowOffset: slotsOffset + 2 * slotBytes,
    overflowBytes: get64(Field.overflowBytes),
    dataOffset: get64(Field.dataOffset),
    dataLength: get64(Field.dataLength),
  };
  if (geometry.byteLength !== file.size) {
    const reason = `it was made with ${geometry.byteLength} bytes, and has ${file.size}`;
    const hint = "It was cut off or lengthened, or it is a part of a copy";
    throw corrupt(file, Math.min(geometry.byteLength, file.size), reason, hint);
  }
  if (!isGeometry(geometry) || layoutBytes > layoutBytesMax) {
    const reason = `its header, at byteOffset ${headerOffset}, has the right checksum and impossible numbers`;
    throw corrupt(file, headerOffset, reason, "No program of this library wrote it");
  }
  const layout = new TextDecoder().decode(payload.subarray(Field.layout, Field.layout + layoutBytes));
  return { geometry, layout, seed };
}

function checkFeatures(file: Region, incompatible: number, readable: number, toWrite: boolean): void {
  const unknown = (incompatible & ~knownIncompatible) | (toWrite ? readable & ~knownReadable : 0);
  if (unknown === 0) return;
  const canBeRead = (incompatible & ~knownIncompatible) === 0;
  throw refused(
    file,
    "read the pool",
    "ENOTSUP",
    `it has features that this program does not know (0x${(unknown >>> 0).toString(16)})`,
    canBeRead
      ? "Open it with readOnly: true, or use the program that made it"
      : "Use the program that made it",
  );
}

/**
 * Makes a pool of a file in which nothing has to be kept. A crash within leaves an unfinished one, which is made once more. It is durable
 * when it has been opened: that writes back what it believes.
 *
 * Costs two fences.
 */
export function writeHeader(file: Region, geometry: Geometry, layout: Uint8Array, identity: number): void {
  file.store64(0, format.unfinishedWord);
  file.writeRecord(headerOffset, encode(geometry, layout, identity), version, byteOrderMark, 0, later);
  const seed = file.view(DataView, headerOffset, recordBytes).getUint32(4, true);
  // Commit 1, which has nothing to replay: so there is an intact record in one of the slots from the beginning
  file.writeRecord(slotOffset(geometry, 0), new Uint8Array(0), 1, 0, seed, later);
  const mark = file.view(Float64Array, markOffset, 1);
  mark[0] = 1;
  file.persist(mark);
  // In one store, and once all else is durable
  file.view(BigUint64Array, 0, 1)[0] = format.madeWord;
}
