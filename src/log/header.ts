/**
 * The header of a log: what it is, which version, which log. Written once, when the log is made, and read as a stranger's bytes.
 *
 * @module
 */

import type { Region } from "../../mod.ts";
import { isZero } from "../common/new_file.ts";
import { Frames, type Identity } from "./frames.ts";
import {
  byteOrderMark,
  frameBytes,
  frameHeaderBytes,
  headerBytes,
  headerOffset,
  logBytesMin,
  magic,
  magicHigh,
  magicLow,
  recordsOffset,
  slotBytes,
  slotOffsets,
  version,
  wrongByteOrderMark,
} from "./layout.ts";
import { corrupt, refused } from "./refusal.ts";
import { type State, storeState } from "./state.ts";

/** Features that a file may name and this program knows: none yet. */
const knownIncompatible = 0, knownReadable = 0;

/** Whether the bytes begin as a log does, begin with zeros, or with something else. */
export function beginningOf(file: Region): "log" | "zeros" | "other" {
  if (file.size < 8) return "other";
  const [low, high] = file.view(Uint32Array, 0, 2);
  if (low === magicLow && high === magicHigh) return "log";
  return low === 0 && high === 0 ? "zeros" : "other";
}

/**
 * Reads the header.
 *
 * @param toWrite whether records will be appended
 * @throws {CorruptionError} if it is not a log's, is damaged, or says another length than the file has
 * @throws {DaxError} ENOTSUP if a newer program made it, or a machine of another byte order
 */
export function readHeader(file: Region, toWrite: boolean): Frames {
  const beginning = beginningOf(file);
  if (beginning === "zeros") {
    throw corrupt(
      file,
      0,
      "it is not a log: it begins with zeros",
      "create: true makes a log of a file of zeros",
    );
  }
  if (beginning === "other") throw corrupt(file, 0, "it is not a log: it does not begin with daxf.log");
  if (file.size < logBytesMin) {
    throw corrupt(
      file,
      file.size,
      `it is cut off: it has ${file.size} bytes, and the smallest log has ${logBytesMin}`,
    );
  }
  const frames = new Frames(file, { mask: 0, seed: 0 });
  const found = frames.low(headerOffset), order = frames.high(headerOffset);
  // Of any version: the checksum of the header is where and what it is in this one
  const length = file.recordLength(headerOffset, recordsOffset, 0);
  if (order === wrongByteOrderMark) {
    const hint = "Read it on a machine like the one that made it";
    throw refused(file, "read the log", "ENOTSUP", "it was written with the other byte order", hint);
  }
  if (length < 0 || order !== byteOrderMark) {
    throw corrupt(
      file,
      headerOffset,
      `its header, at byteOffset ${headerOffset}, has not the checksum that belongs to it`,
    );
  }
  if (found !== version || length !== headerBytes) {
    const reason = `it is a log of version ${found}, and this program knows version ${version}`;
    throw refused(file, "read the log", "ENOTSUP", reason, "Use the program that made it");
  }
  const bytes = frames.copy(headerOffset + 16, headerBytes), view = new DataView(bytes.buffer);
  const byteLength = view.getUint32(8, true) + view.getUint32(12, true) * 0x1_0000_0000;
  if (byteLength !== file.size) {
    const reason = `it was made with ${byteLength} bytes, and has ${file.size}`;
    throw corrupt(
      file,
      Math.min(byteLength, file.size),
      reason,
      "It was cut off or lengthened, or it is a part of a copy",
    );
  }
  checkFeatures(file, view.getUint32(16, true), view.getUint32(20, true), toWrite);
  return new Frames(file, { mask: view.getUint32(0, true), seed: view.getUint32(4, true) });
}

function checkFeatures(file: Region, incompatible: number, readable: number, toWrite: boolean): void {
  const unknown = (incompatible & ~knownIncompatible) | (toWrite ? readable & ~knownReadable : 0);
  if (unknown === 0) return;
  const canBeRead = (incompatible & ~knownIncompatible) === 0;
  throw refused(
    file,
    "read the log",
    "ENOTSUP",
    `it has features that this program does not know (0x${(unknown >>> 0).toString(16)})`,
    canBeRead
      ? "Open it with readOnly: true, or use the program that made it"
      : "Use the program that made it",
  );
}

/**
 * Makes a log of a file that begins with zeros. A crash within leaves those zeros at its beginning: then it is made once more.
 * It is durable when it has been opened: that writes back what it believes.
 */
export function writeHeader(file: Region, identity: Identity): void {
  const frames = new Frames(file, identity);
  const state: State = {
    number: 0,
    epoch: 0,
    isClean: true,
    base: 0,
    byteOffset: recordsOffset,
    sequence: 0,
    limit: recordsOffset,
  };
  storeState(frames, state);
  storeState(frames, { ...state, number: 1 });
  const bytes = new Uint8Array(headerBytes), view = new DataView(bytes.buffer);
  view.setUint32(0, identity.mask, true);
  view.setUint32(4, identity.seed, true);
  view.setUint32(8, file.size % 0x1_0000_0000, true);
  view.setUint32(12, Math.floor(file.size / 0x1_0000_0000), true);
  frames.store(headerOffset, bytes, version, byteOrderMark, 0);
  file.persist(0, recordsOffset);
  // Last, and one store of an aligned word, so that what begins as a log has the rest as well
  file.view(BigUint64Array, 0, 1)[0] = magic;
}

/**
 * Refuses to make a log of a file that holds anything but zeros and what a creation that did not end has left: over a log whose first
 * bytes were lost, and over anybody else's bytes.
 *
 * @throws {CorruptionError} if something else is there
 */
export function mustBeUnused(file: Region): void {
  const head = file.view(DataView, 0, recordsOffset);
  const isEither = (at: number, value: number) => [0, value].includes(head.getUint32(at, true));
  let end = 8, isUnused = true;
  const add = (
    frame: number,
    payloadBytes: number,
    words: readonly (readonly [at: number, value: number])[],
  ) => {
    // Neither the checksum nor the identity of that attempt is known, so they may be anything
    isUnused &&= isZero(file, end, frame) && isEither(frame, payloadBytes) &&
      words.every(([at, value]) => isEither(frame + at, value));
    end = frame + frameBytes(payloadBytes);
  };
  const size = [file.size % 0x1_0000_0000, Math.floor(file.size / 0x1_0000_0000)] as const;
  const unknown = [4, frameHeaderBytes, frameHeaderBytes + 4];
  const known = (
    payloadBytes: number,
    values: Readonly<Record<number, number>>,
    without: readonly number[],
  ) =>
    Array.from({ length: (frameBytes(payloadBytes) - 4) / 4 }, (_, i) => 4 + 4 * i)
      .filter((at) => !without.includes(at)).map((at) => [at, values[at] ?? 0] as const);
  add(
    headerOffset,
    headerBytes,
    known(headerBytes, { 8: version, 12: byteOrderMark, 24: size[0], 28: size[1] }, unknown),
  );
  for (const [number, slot] of slotOffsets.entries()) {
    const values = { 8: number, 20: 1, 32: recordsOffset, 48: recordsOffset };
    add(slot, slotBytes, known(slotBytes, values, [4]));
  }
  if (isUnused && isZero(file, end, file.size)) return;
  throw corrupt(
    file,
    0,
    "it is not a log: it begins with zeros, and what follows is not empty",
    "Where that is of no use, set all of it to zero with fill(), and make a log then",
  );
}
