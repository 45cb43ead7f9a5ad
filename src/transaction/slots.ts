/**
 * What the two slots of a pool hold: which commit was the last, and which have to be stored in their places again. Reads only, and
 * believes nothing that was not checked.
 *
 * @module
 */

import { Batch, type BatchEntry, type CorruptionError, type Region } from "../../mod.ts";
import type { Header } from "./header.ts";
import { type Geometry, markOffset, recordBytes, sequenceMax, slotOffset } from "./layout.ts";
import { corrupt } from "./refusal.ts";

/** An intact record in a slot. */
export interface SlotRecord {
  /** The number of the commit; the first is 1. */
  readonly sequence: number;
  /** Where the record begins in the file. */
  readonly byteOffset: number;
  /** `settled`: everything up to here is in its place, durable; `overflow`: its writes are in the overflow area. */
  readonly kind: "settled" | "writes" | "overflow";
  readonly payload: Uint8Array;
}

/** A commit that may have to be stored in its places again. */
export interface Pending {
  readonly sequence: number;
  /** Its writes in order; offsets from the start of the data area. */
  readonly entries: readonly BatchEntry[];
}

/** What was found. */
export interface Slots {
  /** The number of the last commit. */
  readonly sequence: number;
  /** The slot that it is in. */
  readonly side: 0 | 1;
  /** The number that the mark has. */
  readonly mark: number;
  /** What counts of each slot's records, the first of them at its beginning. */
  readonly records: readonly [readonly SlotRecord[], readonly SlotRecord[]];
  /** What has to be stored in its place again, in this order. */
  readonly pending: readonly Pending[];
}

/**
 * Reads the slots, and the overflow area where they say so.
 *
 * A slot holds records one after another, whose numbers follow each other; then what is left of the time before. The slot that begins
 * with the larger number is the one in use. When its first record had become durable, so had all that the other one's changed; so the
 * other one counts only if its numbers lead up to it, and may be half overwritten otherwise.
 *
 * @throws {CorruptionError} if there is no intact record, the mark or a later record says that there were more, or one would write outside
 *   of the data
 */
export function readSlots(file: Region, header: Header): Slots {
  for (;;) {
    const slots = readOnce(file, header), lost = lostIn(file, header, slots);
    if (lost === undefined) return slots;
    // Another process may have gone on meanwhile: what stands still is damaged
    if (readOnce(file, header).sequence === slots.sequence) throw lost;
  }
}

/**
 * The error if a record that was durable once is gone; undefined if a crash can have left the slots so. A commit is begun only after the
 * fence of the one before: so an intact record with a larger number than the last that was found proves that those between were there.
 */
function lostIn(
  file: Region,
  { geometry, seed }: Header,
  { records, sequence }: Slots,
): CorruptionError | undefined {
  const aheadMax = 2 * geometry.slotBytes / recordBytes;
  for (const side of [0, 1] as const) {
    const start = slotOffset(geometry, side), end = start + geometry.slotBytes, newest = records[side].at(-1);
    const from = newest === undefined
      ? start
      : newest.byteOffset + recordBytes + Math.ceil(newest.payload.length / 8) * 8;
    if (end - from < recordBytes) continue;
    const words = file.view(Uint32Array, from, (end - from) / 4);
    for (let at = from + 8; at + recordBytes <= end; at += 8) {
      const word = (at - from) / 4 + 2, ahead = words[word]! + words[word + 1]! * 0x1_0000_0000 - sequence;
      if (!(ahead > 0 && ahead <= aheadMax) || file.recordLength(at, end, seed) < 0) continue;
      const reason =
        `a record at byteOffset ${from} is not what was written: that of commit ${
          sequence + ahead
        }, at ${at}, ` +
        `was begun after it was durable`;
      return corrupt(file, from, reason, lostHint);
    }
  }
  return undefined;
}

function readOnce(file: Region, { geometry, seed }: Header): Slots {
  // Before the records: a writer who goes on meanwhile stores it after them
  const mark = readMark(file);
  const records = [readSlot(file, geometry, seed, 0), readSlot(file, geometry, seed, 1)] as const;
  const [a, b] = [records[0][0], records[1][0]];
  if (a === undefined && b === undefined) {
    const first = slotOffset(geometry, 0), second = slotOffset(geometry, 1);
    throw corrupt(
      file,
      first,
      `no intact record is in its two slots, at byteOffset ${first} and ${second}`,
      lostHint,
    );
  }
  const side = (b?.sequence ?? 0) > (a?.sequence ?? 0) ? 1 : 0;
  const newer = records[side], older = records[1 - side as 0 | 1];
  const last = newer.at(-1)!;
  if (last.sequence < mark) {
    const at = slotOffset(geometry, side);
    const reason =
      `the record of commit ${mark}, which was durable once, is lost: in the slot at byteOffset ${at} the last is that of ` +
      `commit ${last.sequence}`;
    throw corrupt(file, at, reason, lostHint);
  }
  const leadsUp = older.length > 0 && older.at(-1)!.sequence + 1 === newer[0]!.sequence;
  const all = leadsUp ? [...older, ...newer] : newer;
  const pending = all.slice(all.findLastIndex(({ kind }) => kind === "settled") + 1).map((record) => ({
    sequence: record.sequence,
    entries: entriesOf(file, geometry, record, payloadOf(file, geometry, seed, record)),
  }));
  return { sequence: last.sequence, side, mark, records, pending };
}

const lostHint =
  "The medium has lost bytes, or this is a copy that was made while the pool was written: take another copy";

function readSlot(file: Region, geometry: Geometry, seed: number, side: number): SlotRecord[] {
  const records: SlotRecord[] = [];
  const start = slotOffset(geometry, side), end = start + geometry.slotBytes;
  for (let at = start, length; (length = file.recordLength(at, end, seed)) >= 0;) {
    const sequence = sequenceAt(file, at), before = records.at(-1);
    // What is left of the time before has a smaller number
    if (before !== undefined && sequence !== before.sequence + 1) break;
    if (sequence < 1 || sequence > sequenceMax) {
      throw corrupt(
        file,
        at,
        `the record at byteOffset ${at} says it is of commit ${sequence}, which is never there`,
      );
    }
    const payload = length === 0
      ? new Uint8Array(0)
      : file.view(Uint8Array, at + recordBytes, length).slice();
    // An entry of no bytes is none of a batch's: what would be its offset is the length of the record in the overflow area
    const isOverflow = length === 8 && payload[6] === 0 && payload[7] === 0;
    const kind = length === 0 ? "settled" : isOverflow ? "overflow" : "writes";
    records.push({ sequence, byteOffset: at, kind, payload });
    at += recordBytes + Math.ceil(length / 8) * 8;
  }
  return records;
}

function sequenceAt(file: Region, byteOffset: number): number {
  const words = file.view(DataView, byteOffset + 8, 8);
  return words.getUint32(0, true) + words.getUint32(4, true) * 0x1_0000_0000;
}

/** The number of a commit whose record was durable when this was stored: no power cut takes a later record without it. */
function readMark(file: Region): number {
  const mark = file.view(DataView, markOffset, 8).getFloat64(0, true);
  if (Number.isSafeInteger(mark) && mark >= 1) return mark;
  throw corrupt(
    file,
    markOffset,
    `the mark at byteOffset ${markOffset} is ${mark}, which is the number of no commit`,
  );
}

function payloadOf(file: Region, geometry: Geometry, seed: number, record: SlotRecord): Uint8Array {
  if (record.kind !== "overflow") return record.payload;
  const { overflowOffset, dataOffset } = geometry;
  const length = file.recordLength(overflowOffset, dataOffset, seed);
  const said = new DataView(record.payload.buffer).getUint32(0, true);
  // It was durable before the record in the slot was begun
  if (length > 0 && length === said && sequenceAt(file, overflowOffset) === record.sequence) {
    return file.view(Uint8Array, overflowOffset + recordBytes, length).slice();
  }
  const reason =
    `the writes of commit ${record.sequence}, at byteOffset ${overflowOffset}, are not what was written`;
  throw corrupt(file, overflowOffset, reason, lostHint);
}

function entriesOf(
  file: Region,
  { dataOffset, byteLength }: Geometry,
  { byteOffset, sequence }: SlotRecord,
  payload: Uint8Array,
): BatchEntry[] {
  const entries: BatchEntry[] = [];
  const refuse = (reason: string) =>
    corrupt(
      file,
      byteOffset,
      `the record of commit ${sequence}, at byteOffset ${byteOffset}, has the right checksum, and ${reason}`,
    );
  try {
    for (const entry of Batch.entries(payload)) {
      if (entry.byteOffset < dataOffset || entry.byteOffset + entry.bytes.length > byteLength) {
        throw refuse(`writes ${entry.bytes.length} bytes at ${entry.byteOffset}, outside of the data`);
      }
      entries.push({ byteOffset: entry.byteOffset - dataOffset, bytes: entry.bytes });
    }
  } catch (error) {
    if (error instanceof RangeError) throw refuse("is no list of writes");
    throw error;
  }
  return entries;
}
