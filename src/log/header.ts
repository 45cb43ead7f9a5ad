/**
 * The header of a log: what it is, which version, which log. Written once, when the log is made, and read as a stranger's bytes.
 *
 * @module
 */

import type { Region } from "../../mod.ts";
import { mustBeMade } from "../common/new_file.ts";
import { Frames, type Identity } from "./frames.ts";
import {
  byteOrderMark,
  format,
  frameHeaderBytes,
  headerBytes,
  headerOffset,
  logBytesMin,
  recordsOffset,
  version,
  wrongByteOrderMark,
} from "./layout.ts";
import { corrupt, refused } from "./refusal.ts";
import { type State, storeState } from "./state.ts";

/** Features that a file may name and this program knows: none yet. */
const knownIncompatible = 0, knownReadable = 0;

/**
 * Reads the header.
 *
 * @param toWrite whether records will be appended
 * @throws {CorruptionError} if it is not a log's, is damaged, or says another length than the file has
 * @throws {DaxError} ENOTSUP if a newer program made it, or a machine of another byte order
 */
export function readHeader(file: Region, toWrite: boolean): Frames {
  mustBeMade(file, format);
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
  const bytes = frames.copy(headerOffset + frameHeaderBytes, headerBytes), view = new DataView(bytes.buffer);
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
 * Makes a log of a file in which nothing has to be kept. A crash within leaves an unfinished one, which is made once more. It is durable
 * when it has been opened: that writes back what it believes.
 *
 * Costs two fences.
 */
export function writeHeader(file: Region, identity: Identity): void {
  file.store64(0, format.unfinishedWord);
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
  // In one store, and once all else is durable
  file.view(BigUint64Array, 0, 1)[0] = format.madeWord;
}
