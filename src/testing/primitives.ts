// Every primitive of DaxFile, store by store: what the native function is allowed to do, not what it happens to do.
// Where the library gains a primitive (a checksummed record, a batch of writes), it is modelled here and nowhere else.
import { setImmediate } from "node:timers";
import type { Memory } from "./memory.ts";
import type { Rules } from "./model.ts";

/** Starts writing back the lines (or pages) that a range touches. On a page granularity that is msync: durable. */
export function flush(memory: Memory, rules: Rules, byteOffset: number, byteLength: number): void {
  const start = byteOffset - byteOffset % rules.flushBytes;
  const end = Math.ceil((byteOffset + byteLength) / rules.flushBytes) * rules.flushBytes;
  memory.flush(start, Math.min(end, memory.byteLength) - start);
  if (rules.flushDrains) memory.drain();
}

/** Waits until all that was flushed is durable. On a page granularity there is nothing left to wait for. */
export function drain(memory: Memory, rules: Rules): void {
  if (rules.flushDrains) memory.settle();
  else memory.drain();
}

/** Flushes and drains. */
export function persist(memory: Memory, rules: Rules, byteOffset: number, byteLength: number): void {
  flush(memory, rules, byteOffset, byteLength);
  drain(memory, rules);
}

/** As persist: past the memory controller no model loses anything more. */
export function deepFlush(memory: Memory, rules: Rules, byteOffset: number, byteLength: number): void {
  persist(memory, rules, byteOffset, byteLength);
}

/**
 * Copies and persists. The library chooses between ordinary and non-temporal stores by size and processor, so the
 * weaker is assumed, unless the caller forbids it: words in no order, durable at the next drain. And since
 * non-temporal stores flush nothing, the rest of the first and the last line is not promised either.
 */
export function write(
  memory: Memory,
  rules: Rules,
  byteOffset: number,
  bytes: Uint8Array,
  options: { nontemporal?: boolean; drain?: boolean },
): void {
  const nontemporal = options.nontemporal !== false && rules.nontemporal;
  memory.store(byteOffset, bytes, nontemporal ? "nontemporal" : "bulk");
  if (!nontemporal) flush(memory, rules, byteOffset, bytes.length);
  if (options.drain !== false) drain(memory, rules);
}

const word = new DataView(new ArrayBuffer(8));
const wordBytes = new Uint8Array(word.buffer);

/** One aligned word, never torn, durable on return; stored past the cache or through it, so again the weaker. */
export function store64(memory: Memory, rules: Rules, byteOffset: number, value: bigint | number): void {
  // Little-endian as every machine that daxfile runs on; a number is the same integer, not its floating-point form.
  word.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  if (rules.nontemporal) {
    memory.store(byteOffset, wordBytes, "nontemporal");
    memory.drain();
  } else {
    memory.store(byteOffset, wordBytes, "ordered");
    persist(memory, rules, byteOffset, 8);
  }
}

/**
 * Writes all back: what was stored before the call is durable once the promise is kept, and nothing sooner.
 *
 * Where lines are flushed, the library flushes a step, lets the event loop have its turn, flushes the next, and drains
 * at the end; how long a step is and whether there is more than one is its own affair. On page granularity another
 * thread calls fdatasync. So a drain of somebody else in between may find none of it flushed: it covers nothing of the
 * sync. And the end of a sync is no drain for others: what was flushed or stored past the cache after the call may have
 * been missed. No right program is blamed, because lines may reach the medium at any time in any case.
 *
 * The end comes in a later turn of the event loop, so that no program gets there before it which waits for nothing, or
 * for other promises only.
 */
export async function sync(memory: Memory): Promise<void> {
  const end = memory.sync();
  await new Promise<void>((resolve) => void setImmediate(resolve));
  end();
}
