/**
 * Appends to a log of its own for some milliseconds, from when a line comes in, and prints how many records a second it appended.
 * Started by processes.ts.
 *
 * @module
 */

import { readSync } from "node:fs";
import process from "node:process";
import { openLog } from "../../src/log/mod.ts";
import { appending } from "../rows/work.ts";

const [path = "", milliseconds = ""] = process.argv.slice(2);
const log = openLog(path, { create: true, size: 2 ** 24, forceGranularity: "cache-line" });
const run = appending(log, new Uint8Array(64).fill(0x33)), batch = 1000, warmUp = 200_000;
run(warmUp);
console.log("ready");
readSync(0, new Uint8Array(16));

const begin = performance.now();
let count = 0, elapsed = 0;
while (elapsed < Number(milliseconds)) {
  run(batch);
  count += batch;
  elapsed = performance.now() - begin;
}
console.log(count / elapsed * 1000);
log.close();
