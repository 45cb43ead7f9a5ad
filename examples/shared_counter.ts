/**
 * A counter that several processes share, in Deno and in Bun: each adds to it for a while, none loses what another has added, and a process
 * that is killed leaves the last sum that it has told.
 *
 * ```sh
 * deno run --allow-ffi examples/shared_counter.ts counter.dax 1000 & bun examples/shared_counter.ts counter.dax 1000; wait
 * ```
 *
 * One process writes a pool at a time: it has the lock while it is open. So each takes turns: it opens, adds some, and closes.
 *
 * @module
 */

import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { DaxError } from "../mod.ts";
import { openPool, type Pool } from "../src/transaction/mod.ts";

/** How often one is added in a turn, and the longest wait before the next try, in milliseconds. */
const turn = 50, pause = 4;

/**
 * Adds one to a counter, again and again.
 *
 * @param path the file; made if there is none
 * @param times how often
 * @returns the sum after the last one: what all processes have added until then
 */
export async function count(path: string, times: number): Promise<number> {
  let sum = 0;
  for (let left = times; left > 0; left -= turn) {
    using pool = await openInTurn(path);
    for (let i = 0; i < Math.min(left, turn); i++) {
      sum = pool.transaction((tx) => {
        const sum = tx.getFloat64(0) + 1;
        tx.setFloat64(0, sum);
        return sum;
      });
    }
  }
  return sum;
}

/** Opens the pool, as soon as nobody else has it open. */
async function openInTurn(path: string): Promise<Pool> {
  for (;;) {
    try {
      return openPool(path, { create: true, size: 65536, layout: "example counter" });
    } catch (error) {
      if (!(error instanceof DaxError && error.code === "EBUSY")) throw error;
      await wait(Math.random() * pause);
    }
  }
}

if (import.meta.main) {
  const [path, times = "1"] = process.argv.slice(2);
  if (path === undefined || !(Number(times) > 0)) {
    console.error("Usage: shared_counter FILE [TIMES]");
    process.exit(2);
  }
  console.log(await count(path, Number(times)));
}
