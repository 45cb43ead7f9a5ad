/**
 * What the runs of a crash test stored, and what of it was durable after each drain: two programs with the same runs lose the same in
 * any crash. A drain that makes nothing durable, and a flush that no drain follows, are not in it.
 */

import type { Memory } from "../../src/testing/memory.ts";

/** A line of a region: how often it was stored to, and up to which store that was flushed, and is durable. */
interface Line {
  stores: number;
  flushed: number;
  durable: number;
}

interface Run {
  readonly lines: Map<number, Line>;
  readonly flushed: Set<number>;
  /** Whether a store past the caches waits for a drain. */
  streams: boolean;
  hash: [number, number];
}

const lineBytes = 64;

/** The runs of one crash test, each once. */
export class Transcript {
  readonly #runs = new Set<string>();
  readonly #now = new Map<Memory, Run>();

  /** Everything that was run. */
  get text(): string {
    for (const memory of [...this.#now.keys()]) this.begin(memory);
    return [...this.#runs].sort().join("\n");
  }

  /** Ends a region's run, and begins another. */
  begin(memory: Memory): void {
    const run = this.#now.get(memory);
    if (run !== undefined) this.#runs.add(run.hash.join());
    this.#now.delete(memory);
  }

  store(memory: Memory, byteOffset: number, bytes: Uint8Array, order: string): void {
    const run = this.#run(memory), past = order === "nontemporal";
    mix(run, [past ? 1 : 2, order === "bulk" ? 1 : 0, byteOffset, bytes.length, ...bytes]);
    if (past) run.streams = true;
    const last = Math.floor((byteOffset + bytes.length - 1) / lineBytes);
    for (let index = Math.floor(byteOffset / lineBytes); index <= last; index++) {
      const line = run.lines.get(index) ?? { stores: 0, flushed: 0, durable: 0 };
      run.lines.set(index, line);
      line.stores++;
    }
  }

  flush(memory: Memory, byteOffset: number, byteLength: number): void {
    const run = this.#run(memory), end = byteOffset + byteLength;
    for (let index = Math.floor(byteOffset / lineBytes); index * lineBytes < end; index++) {
      const line = run.lines.get(index);
      if (line === undefined || line.stores === line.durable) continue;
      line.flushed = line.stores;
      run.flushed.add(index);
    }
  }

  drain(memory: Memory): void {
    const run = this.#run(memory);
    if (run.flushed.size === 0 && !run.streams) return;
    mix(run, [3]);
    for (const index of [...run.flushed].sort((a, b) => a - b)) {
      const line = run.lines.get(index)!;
      line.durable = line.flushed;
      mix(run, [4, index, line.durable]);
    }
    run.flushed.clear();
    run.streams = false;
  }

  #run(memory: Memory): Run {
    const run = this.#now.get(memory) ??
      { lines: new Map(), flushed: new Set(), streams: false, hash: [0x811c9dc5, 0x01000193] };
    this.#now.set(memory, run);
    return run;
  }
}

function mix({ hash }: Run, numbers: Iterable<number>): void {
  for (const number of numbers) {
    hash[0] = Math.imul(hash[0] ^ number, 0x01000193);
    hash[1] = Math.imul((hash[1] << 5 | hash[1] >>> 27) ^ number, 0x85ebca6b);
  }
}
