/**
 * Where a log ends: found when it is opened, by reading what was appended since the checkpoint.
 *
 * A record that does not check is the end, torn by a crash, unless something proves that it was whole once: a record that somebody
 * began to append later. That one was begun only after the fence of the one before.
 *
 * @module
 */

import type { CorruptionError } from "../../mod.ts";
import { type Frames, seedOf } from "./frames.ts";
import { continues, frameBytes, frameHeaderBytes } from "./layout.ts";
import { lostRecord } from "./refusal.ts";
import { readState, type State } from "./state.ts";

/** A place between two records: where the next one begins, and its number. */
export interface Tail {
  readonly byteOffset: number;
  readonly sequence: number;
}

/** What was found. */
export interface Recovered {
  readonly state: State;
  readonly tail: Tail;
}

/**
 * Reads the state and finds the end. Stores nothing.
 *
 * @throws {CorruptionError} if the state is damaged, or a record after the checkpoint is gone that was durable
 */
export function recover(frames: Frames): Recovered {
  for (;;) {
    const state = readState(frames), tail = state.isClean ? state : follow(frames, state.epoch, state);
    const lost = state.isClean ? undefined : lostAt(frames, state, tail);
    if (lost === undefined) return { state, tail };
    // Another process may have gone on meanwhile: what stands still is damaged
    const isWhole = follow(frames, state.epoch, tail).sequence > tail.sequence;
    if (!isWhole && readState(frames).number === state.number) throw lost;
  }
}

/** The end of the records of one epoch from a place on. */
export function follow(frames: Frames, epoch: number, from: Tail): Tail {
  let { byteOffset, sequence } = from;
  for (;;) {
    const length = frames.recordLength(byteOffset, sequence);
    // An older epoch: a record that an earlier recovery has dropped
    if (length < 0 || frames.high(byteOffset) >>> 1 !== epoch) return { byteOffset, sequence };
    byteOffset += frameBytes(length);
    sequence++;
  }
}

/** The error if a record that was durable once is gone from the end; undefined if a crash can have left it so. */
function lostAt(frames: Frames, { epoch, limit }: State, tail: Tail): CorruptionError | undefined {
  const { file, identity, end } = frames, { byteOffset, sequence } = tail;
  const lost = (proof: string) => lostRecord(file, byteOffset, sequence, proof);
  if (frames.recordLength(byteOffset, sequence) >= 0 && frames.high(byteOffset) >>> 1 > epoch) {
    return lost(
      `it is of epoch ${frames.high(byteOffset) >>> 1}, and the newest state that can be read of ${epoch}`,
    );
  }
  const first = epoch * 2, last = Math.min(limit, end - frameHeaderBytes);
  for (let at = byteOffset + frameHeaderBytes; at <= last; at += 8) {
    // Of this session, and the first of those that were appended together: one that continues proves nothing, for a crash tears them all
    if (frames.high(at) !== first) continue;
    const ahead = (frames.low(at) ^ identity.mask) - (sequence >>> 0) >>> 0;
    if (ahead === 0 || ahead > (at - byteOffset) / frameHeaderBytes) continue;
    if (file.recordLength(at, end, seedOf(identity, sequence + ahead, at)) < 0) continue;
    return lost(`record ${sequence + ahead}, at byteOffset ${at}, was appended after it was durable`);
  }
  return undefined;
}

/** The second word of a record's frame. */
export function highOf(epoch: number, isFirst: boolean): number {
  return epoch * 2 + (isFirst ? 0 : continues);
}
