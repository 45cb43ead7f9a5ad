/**
 * The state of a log, which lies twice in its header: which epoch its records are of, which is the first, and up to where they are
 * known to be durable.
 *
 * Each write of it takes the older of the two slots and a number higher by one, so that a crash within it leaves the other. What
 * must not be forgotten, an epoch or a clear, is written to both, one after the other; of a checkpoint one copy is enough, for the
 * one before it is still true.
 *
 * @module
 */

import type { Frames } from "./frames.ts";
import { seedOf } from "./frames.ts";
import { epochMax, frameBytes, frameHeaderBytes, recordsOffset, slotBytes, slotOffsets } from "./layout.ts";
import { corrupt } from "./refusal.ts";

/** What a slot says. */
export interface State {
  /** Counts the writes of the state; the slot is that of its parity. */
  readonly number: number;
  /** Of the records from the checkpoint on; counted up by every session that writes. */
  readonly epoch: number;
  /** Whether the log ends at the checkpoint: nobody began to append since. */
  readonly isClean: boolean;
  /** The sequence number of the first record. */
  readonly base: number;
  /** The checkpoint: before this byte all is durable, and the record with this number, if there is one, begins there. */
  readonly byteOffset: number;
  readonly sequence: number;
  /** Nothing was appended that begins after this byte. */
  readonly limit: number;
}

const word = 0x1_0000_0000;
const flagClean = 1;

/** Bytes of a slot: a cache line. */
export const stateBytes: number = frameBytes(slotBytes);

/**
 * Stores a state into the slot whose turn it is, and leaves it to the caller to write it back.
 *
 * @returns where the slot begins; it takes {@linkcode stateBytes}
 */
export function storeState(frames: Frames, state: State): number {
  const { number, epoch, isClean, base, byteOffset, sequence, limit } = state;
  const first = BigInt(epoch) | BigInt(isClean ? flagClean : 0) << 32n;
  const words = [first, BigInt(base), BigInt(byteOffset), BigInt(sequence), BigInt(limit), 0n];
  const slot = slotOffsets[number % 2 as 0 | 1];
  frames.storeWords(slot, words, number % word, Math.floor(number / word), seedOf(frames.identity, 0, slot));
  return slot;
}

function decodeState(bytes: Uint8Array<ArrayBuffer>, number: number): State {
  const view = new DataView(bytes.buffer);
  const integer = (at: number) => view.getUint32(at, true) + view.getUint32(at + 4, true) * word;
  return {
    number,
    epoch: view.getUint32(0, true),
    isClean: (view.getUint32(4, true) & flagClean) !== 0,
    base: integer(8),
    byteOffset: integer(16),
    sequence: integer(24),
    limit: integer(32),
  };
}

/** What one slot says, or undefined if it is not whole, or was written while it was read. */
export function readSlot(frames: Frames, index: 0 | 1): State | undefined {
  const byteOffset = slotOffsets[index], low = frames.low(byteOffset), high = frames.high(byteOffset);
  if (!isWhole(frames, byteOffset)) return undefined;
  const bytes = frames.copy(byteOffset + frameHeaderBytes, slotBytes);
  const isSame = isWhole(frames, byteOffset) && frames.low(byteOffset) === low &&
    frames.high(byteOffset) === high;
  const number = high * word + low;
  return isSame && number % 2 === index ? decodeState(bytes, number) : undefined;
}

function isWhole(frames: Frames, byteOffset: number): boolean {
  const seed = seedOf(frames.identity, 0, byteOffset);
  return frames.file.recordLength(byteOffset, byteOffset + stateBytes, seed) === slotBytes;
}

/**
 * The newest state.
 *
 * @throws {CorruptionError} if neither slot is whole, or the newest says what cannot be
 */
export function readState(frames: Frames): State {
  for (let seen = "";;) {
    const even = readSlot(frames, 0), odd = readSlot(frames, 1);
    const newest = even === undefined || odd !== undefined && odd.number > even.number ? odd : even;
    if (newest !== undefined) return checked(frames, newest);
    // Whoever writes may have written one slot while the other was read, and then the other: then there is something new to read
    const bytes = slotOffsets.map((at) => String(frames.copy(at, stateBytes))).join();
    if (bytes === seen) {
      throw corrupt(
        frames.file,
        slotOffsets[0],
        `neither of its states, at byteOffsets ${
          slotOffsets.join(" and ")
        }, has the checksum that belongs to it`,
      );
    }
    seen = bytes;
  }
}

/** A checksum says that a state was written like this, and not that it makes sense. */
function checked({ file, end }: Frames, state: State): State {
  const { number, epoch, base, byteOffset, sequence, limit } = state;
  const count = sequence - base;
  const isSound = [base, byteOffset, sequence, limit, number].every(Number.isSafeInteger) &&
    epoch <= epochMax &&
    byteOffset % 8 === 0 && byteOffset >= recordsOffset && byteOffset <= limit && limit <= end &&
    count >= 0 && count * frameHeaderBytes <= byteOffset - recordsOffset &&
    (count > 0 || byteOffset === recordsOffset);
  if (isSound) return state;
  const { isClean: _, ...numbers } = state;
  throw corrupt(
    file,
    slotOffsets[number % 2 as 0 | 1],
    `its state makes no sense: ${JSON.stringify(numbers)}`,
  );
}
