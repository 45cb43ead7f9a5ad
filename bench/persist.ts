/**
 * persist of 8 bytes and store64 against the same store, clwb and sfence in a native loop, on one line of ordinary memory. All
 * sides take turns in one run; the median of the rounds' ratios counts. Run in each runtime by run.ts, prints one JSON object.
 *
 * @module
 */

import process from "node:process";
import { runtime } from "../ffi/runtime.ts";
import { open } from "../mod.ts";

const [libraryPath, filePath] = process.argv.slice(2) as [string, string];
const rounds = 15, count = 200_000;

const host = runtime()!;
const { bench_persist } = host.load(libraryPath, {
  bench_persist: { parameters: { address: "f64", count: "u32" }, result: "i32" },
});
using file = open(filePath, { create: true, size: 4096, forceGranularity: "cache-line" });
const words = file.view(Float64Array);
const address = host.addressOf(words)!;

const sides = {
  native: () => bench_persist(address, count),
  "persist(offset, 8)": () => {
    for (let round = 0; round < count; round++) {
      words[0] = round;
      file.persist(0, 8);
    }
  },
  "persist(view)": () => {
    for (let round = 0; round < count; round++) {
      word[0] = round;
      file.persist(word);
    }
  },
  store64: () => {
    for (let round = 0; round < count; round++) file.store64(0, round);
  },
};
const word = file.view(Float64Array, 0, 1);

const times = new Map(Object.keys(sides).map((name) => [name, [] as number[]]));
for (let round = -3; round < rounds; round++) {
  for (const [name, body] of Object.entries(sides)) {
    const begin = performance.now();
    body();
    if (round >= 0) times.get(name)!.push((performance.now() - begin) * 1e6 / count);
  }
}
const native = times.get("native")!;
const result = Object.fromEntries(
  [...times].map(([name, all]) => {
    const ratios = all.map((time, round) => time / native[round]!);
    return [name, {
      ns: median(all),
      ratio: median(ratios),
      least: Math.min(...ratios),
      most: Math.max(...ratios),
    }];
  }),
);
console.log(JSON.stringify(result));

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
