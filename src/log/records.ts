/**
 * The records of a log from the first on, each checked as it is read.
 *
 * @module
 */

import type { CorruptionError } from "../../mod.ts";
import type { Frames } from "./frames.ts";
import { continues, frameBytes, frameHeaderBytes, recordsOffset } from "./layout.ts";
import { lostRecord } from "./refusal.ts";
import { readState } from "./state.ts";

/** A record with all that its frame says. */
export interface FoundRecord {
  /** Its number. */
  readonly sequence: number;
  /** What was appended: a copy. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where its frame begins. */
  readonly byteOffset: number;
  /** Which session wrote it. */
  readonly epoch: number;
  /** Whether it is the first of those that were appended together. */
  readonly isFirst: boolean;
}

/**
 * Gives the records from the first to before a number, and ends earlier if the log is cleared meanwhile.
 *
 * @throws {CorruptionError} at a record that is not what was written
 */
export function* recordsOf(
  frames: Frames,
  base: number,
  end: number,
): Generator<FoundRecord, void, undefined> {
  let byteOffset = recordsOffset, oldest = 0;
  for (let sequence = base; sequence < end; sequence++) {
    // Before the copy, so that it is covered by the check after it
    const high = byteOffset + frameHeaderBytes > frames.end ? 0 : frames.high(byteOffset), epoch = high >>> 1;
    const bytes = frames.record(byteOffset, sequence);
    if (bytes === undefined || epoch < oldest) {
      if (readState(frames).base > sequence) return;
      throw damaged(frames, byteOffset, sequence, bytes !== undefined);
    }
    yield { sequence, bytes, byteOffset, epoch, isFirst: (high & continues) === 0 };
    byteOffset += frameBytes(bytes.length);
    oldest = epoch;
  }
}

function damaged(frames: Frames, byteOffset: number, sequence: number, isOld: boolean): CorruptionError {
  const proof = isOld
    ? "it is of an older epoch than the one before"
    : byteOffset + frameHeaderBytes > frames.end
    ? "the log ends before it"
    : "its checksum is another, and the log goes on after it";
  return lostRecord(frames.file, byteOffset, sequence, proof);
}
