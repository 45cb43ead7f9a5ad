/**
 * The loops that more than one row measures: so many operations of ours, with nothing around them.
 *
 * @module
 */

import type { DaxFile } from "../../mod.ts";
import { f64, struct, u32, u8 } from "../../src/struct/mod.ts";
import type { PersistentLog } from "../../src/log/mod.ts";
import type { Pool, Transaction } from "../../src/transaction/mod.ts";
import type { Side } from "../measure.ts";

/** Bytes of a cache line. */
export const lineBytes = 64;

/** The record of the rows on structs. */
export const Sample = struct({ flags: u8, number: u32, balance: f64 });

/** A stride that meets every line of a region whose size is a power of two, in an order that no prefetcher follows. */
export function strideOf(sizeBytes: number): number {
  return lineBytes * 5_368_711 % sizeBytes;
}

/** Stores a word and persists it, at offsets that go up by a step, from where the last round ended. */
export function persisting(file: DaxFile, words: Float64Array, step: number): Side {
  const size = words.byteLength;
  let at = 0;
  return (count) => {
    for (let n = 0; n < count; n++) {
      words[at / 8] = n;
      file.persist(at, 8);
      at += step;
      if (at >= size) at -= size;
    }
  };
}

/** The same with one atomic store of eight bytes. */
export function storing(file: DaxFile, size: number, step: number): Side {
  let at = 0;
  return (count) => {
    for (let n = 0; n < count; n++) {
      file.store64(at, n);
      at += step;
      if (at >= size) at -= size;
    }
  };
}

/** Writes the same bytes, at such offsets too. */
export function writing(file: DaxFile, source: Uint8Array, size: number, step: number): Side {
  let at = 0;
  return (count) => {
    for (let n = 0; n < count; n++) {
      file.write(at, source);
      at += step;
      if (at >= size) at -= size;
    }
  };
}

/** Appends a record again and again, and clears the log when it is full. */
export function appending(log: PersistentLog, record: Uint8Array): Side {
  const frameBytes = 16 + Math.ceil(record.length / 8) * 8;
  return (count) => {
    for (let n = 0; n < count;) {
      if (log.freeBytes < record.length) log.clear();
      const end = Math.min(count, n + Math.floor((log.freeBytes + 16) / frameBytes));
      for (; n < end; n++) log.append(record);
    }
  };
}

/** Fills a log once and clears it, so that no append meets a page that is not mapped yet. */
export function touched(log: PersistentLog): PersistentLog {
  const record = new Uint8Array(2 ** 16);
  while (log.freeBytes > 0) log.append(record.subarray(0, Math.min(record.length, log.freeBytes)));
  log.clear();
  return log;
}

/** Transactions, each of which adds to so many words, which lie on lines of their own. */
export function adding(pool: Pool, words: number): Side {
  const body = (tx: Transaction) => {
    for (let word = 0; word < words; word++) {
      tx.setFloat64(word * lineBytes, tx.getFloat64(word * lineBytes) + 1);
    }
  };
  return (count) => {
    for (let n = 0; n < count; n++) pool.transaction(body);
  };
}

/** Reads and writes three fields of a record. */
export function touching(record: { flags: number; number: number; balance: number }): Side {
  return (count) => {
    for (let n = 0; n < count; n++) {
      record.flags = n & 255;
      record.number = n;
      record.balance = record.balance + record.number;
    }
  };
}
