/**
 * How long one persist takes here.
 *
 * @module
 */

import { type Ledger, spareOffset } from "../ledger.ts";

/** The time for it, in milliseconds, and how many persists it is divided into at most: a clock read costs as much as a fast persist. */
const budget = 200, batches = 50;

/**
 * The time of storing 8 bytes and persisting them: the median of many batches, in nanoseconds.
 *
 * It writes where nothing of the ledger is.
 */
export function measurePersist(ledger: Ledger): number {
  const { file } = ledger;
  const start = ledger.pool.dataOffset + spareOffset;
  const record = file.view(Float64Array, start, 1);
  const batch = (count: number): number => {
    const begin = performance.now();
    for (let i = 1; i <= count; i++) {
      record[0] = -i;
      file.persist(start, 8);
    }
    return (performance.now() - begin) / count * 1e6;
  };
  // Batches that grow until one takes its share of the time; the compiler has then seen the loop as well
  let count = 1;
  const end = performance.now() + budget;
  while (batch(count) * count < budget / batches * 1e6 && performance.now() < end) count *= 2;
  const times: number[] = [];
  while (performance.now() < end || times.length === 0) times.push(batch(count));
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}
