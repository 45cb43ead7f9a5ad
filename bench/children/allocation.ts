/**
 * Prints how many bytes of the engine's heap one operation of each hot path allocates, one a line. Started by allocation.ts, with the
 * flags without which something would be collected meanwhile; it throws if something was.
 *
 * @module
 */

import process from "node:process";
import { open } from "../../mod.ts";
import { openLog } from "../../src/log/mod.ts";
import { openPool } from "../../src/transaction/mod.ts";
import type { Side } from "../measure.ts";
import { isWanted } from "../place.ts";
import { adding, appending, persisting, Sample, storing, touching, writing } from "../rows/work.ts";

const [folder = "", only = ""] = process.argv.slice(2);
const warmUp = 20_000, warmUps = 10;

/** So many that what the engine allocates to compile, up to 800 KB at any time, comes to less than a byte of each. */
const count = 1_000_000;

/** Two fields and a header: less than this for an object, and the counter does not count. */
const objectBytesMin = 16;

const forced = { create: true, size: 2 ** 20, forceGranularity: "cache-line" } as const;
const file = open(`${folder}/allocation.dax`, forced);
const words = file.view(Float64Array), word = file.view(Float64Array, 0, 1);
const log = openLog(`${folder}/allocation.log`, { ...forced, size: 2 ** 28 });
const pool = openPool(`${folder}/allocation.pool`, forced);
const bytes = (length: number) => new Uint8Array(length).fill(0x33);
let kept: unknown;

const paths: Readonly<Record<string, Side>> = {
  "control: an object of two fields": (count) => {
    for (let n = 0; n < count; n++) kept = { first: n, second: n };
  },
  "control: nothing": (count) => {
    for (let n = 0; n < count; n++) words[n & 1023] = n;
  },
  "persist(offset, 8)": persisting(file, words, 64),
  "persist(view)": (count) => {
    for (let n = 0; n < count; n++) {
      word[0] = n & 1023;
      file.persist(word);
    }
  },
  "flush and drain": (count) => {
    for (let n = 0; n < count; n++) {
      file.flush(64, 8);
      file.drain();
    }
  },
  "store64": storing(file, 2 ** 20, 64),
  "write 64": writing(file, bytes(64), 2 ** 20, 64),
  "write 1024": writing(file, bytes(1024), 2 ** 20, 1024),
  "fill 64": (count) => {
    for (let n = 0; n < count; n++) file.fill(64, 64, n & 255);
  },
  "log append 100": appending(log, bytes(100)),
  "transaction that adds to 1 word": adding(pool, 1),
  "struct: get and set of three fields": touching(Sample.at(file, 64)),
};

const heapBytes = await heap();
const begin = heapBytes();
let sum = 0;
for (const [name, run] of Object.entries(paths)) {
  if (!name.startsWith("control") && !isWanted(only, "allocation", name)) continue;
  for (let n = 0; n < warmUps; n++) run(warmUp);
  const before = heapBytes();
  run(count);
  const allocated = heapBytes() - before;
  sum += allocated;
  if (name.startsWith("control: an") && allocated < objectBytesMin * count) {
    throw new Error(`${count} objects are ${allocated} bytes: the engine's heap is not measured`);
  }
  if (isWanted(only, "allocation", name)) console.log(JSON.stringify({ name, bytes: allocated / count }));
}
if (heapBytes() - begin < sum) throw new Error("Something was collected meanwhile: the figures are too low");
if (kept === undefined) throw new Error("The control was not run");

/** What tells the bytes of the engine's heap. In Bun those of its blocks, as it counts objects only when it collects. */
async function heap(): Promise<() => number> {
  if ("Deno" in globalThis) return () => process.memoryUsage().heapUsed;
  const { heapStats } = await import("bun:jsc");
  return () => heapStats().heapCapacity;
}
