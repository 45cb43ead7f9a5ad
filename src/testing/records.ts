// Records and batches of DaxFile on a recorded region, store by store: what is written in which order, and what is read.
import { Batch } from "../../mod.ts";
import { crc32c } from "./crc.ts";
import type { Memory } from "./memory.ts";
import type { Rules } from "./model.ts";
import { drain, flush, write } from "./primitives.ts";
import { checkAligned, checkWord32 } from "./ranges.ts";

/** Bytes of a record before its payload. */
export const RECORD_BYTES = 16;

/** The bytes that a record with this payload takes. */
export function frameBytes(payloadBytes: number): number {
  return RECORD_BYTES + Math.ceil(payloadBytes / 8) * 8;
}

/** The words that a record carries, and the seed of its checksum. */
export interface Words {
  readonly low: number;
  readonly high: number;
  readonly seed: number;
}

/**
 * @throws {RangeError} unless each word has 32 bits, and the offset is a multiple of 8
 * @throws {TypeError} if a word is no number
 */
export function checkWords({ low, high, seed }: Words, byteOffset: number): void {
  checkAligned(byteOffset);
  checkWord32("low", low);
  checkWord32("high", high);
  checkWord32("seed", seed);
}

/** The checksum of a range; reads it. */
export function checksum(memory: Memory, byteOffset: number, byteLength: number, seed: number): number {
  memory.read(byteOffset, byteLength);
  return crc32c(memory.bytes, seed, byteOffset, byteOffset + byteLength);
}

/** A record is a copy like any other: its words come in no order until the drain. */
export function writeRecord(
  memory: Memory,
  rules: Rules,
  byteOffset: number,
  payload: Uint8Array,
  words: Words,
  options: { nontemporal?: boolean; drain?: boolean },
): void {
  write(memory, rules, byteOffset, frame(payload, words), options);
}

/** The payload's length, or −1. Reads the header, and the payload only if it can lie there. */
export function recordLength(memory: Memory, byteOffset: number, end: number, seed: number): number {
  if (end - byteOffset < RECORD_BYTES) return -1;
  memory.read(byteOffset, RECORD_BYTES);
  const { data } = memory, byteLength = data.getUint32(byteOffset, true);
  if (byteOffset + frameBytes(byteLength) > end || isZero(data, byteOffset)) return -1;
  if (byteLength > 0) memory.read(byteOffset + RECORD_BYTES, byteLength);
  const checksum = checksumOf(memory.bytes, byteOffset, byteLength, seed);
  return checksum === data.getUint32(byteOffset + 4, true) ? byteLength : -1;
}

/**
 * Stores the record, starts to write back what the batch before changed, drains once, then stores each write in its place, through
 * the cache and with no flush. The library's one msync reaches from the first to the last range; what lies between is not promised.
 */
export function commit(
  memory: Memory,
  rules: Rules,
  byteOffset: number,
  batch: Batch,
  words: Words,
  previous: Batch | undefined,
): void {
  const record = frame(batch.bytes, words);
  memory.store(byteOffset, record, rules.nontemporal ? "nontemporal" : "bulk");
  const back = previous === undefined ? [] : [...Batch.entries(previous.bytes)];
  const flushOnly = { ...rules, flushDrains: false };
  if (!rules.nontemporal) flush(memory, flushOnly, byteOffset, record.length);
  for (const entry of back) flush(memory, flushOnly, entry.byteOffset, entry.bytes.length);
  drain(memory, flushOnly);
  for (const entry of Batch.entries(batch.bytes)) memory.store(entry.byteOffset, entry.bytes, "bulk");
}

function frame(payload: Uint8Array, { low, high, seed }: Words): Uint8Array {
  const bytes = new Uint8Array(frameBytes(payload.length)), data = new DataView(bytes.buffer);
  data.setUint32(0, payload.length, true);
  data.setUint32(8, low, true);
  data.setUint32(12, high, true);
  bytes.set(payload, RECORD_BYTES);
  data.setUint32(4, checksumOf(bytes, 0, payload.length, seed), true);
  return bytes;
}

/** Whether a record's header is one of zeros. */
function isZero(data: DataView, byteOffset: number): boolean {
  for (let i = 0; i < RECORD_BYTES; i += 4) if (data.getUint32(byteOffset + i) !== 0) return false;
  return true;
}

/** Of the two words, the length and the payload of a record, in this order. */
function checksumOf(bytes: Uint8Array, byteOffset: number, payloadBytes: number, seed: number): number {
  const words = crc32c(bytes, seed, byteOffset + 8, byteOffset + 16);
  const head = crc32c(bytes, words, byteOffset, byteOffset + 4);
  return crc32c(bytes, head, byteOffset + RECORD_BYTES, byteOffset + RECORD_BYTES + payloadBytes);
}
