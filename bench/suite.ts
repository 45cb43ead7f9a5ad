/**
 * Measures all rows in the runtime that runs it; prints JSON, one result a line. Started by run.ts.
 *
 * @module
 */

import process from "node:process";
import type { SuiteGroup } from "./groups.ts";
import { type Effort, measure, type Row } from "./measure.ts";
import { loadPeers } from "./peers/c.ts";
import { isWanted, type Place } from "./place.ts";
import { isLost } from "./report.ts";
import { rows as copy } from "./rows/copy.ts";
import { rows as disk } from "./rows/disk.ts";
import { rows as growth } from "./rows/growth.ts";
import { rows as log } from "./rows/log.ts";
import { rows as persist } from "./rows/persist.ts";
import { rows as reading } from "./rows/reading.ts";
import { rows as struct } from "./rows/struct.ts";
import { rows as transaction } from "./rows/transaction.ts";

const groups: Readonly<Record<SuiteGroup, (place: Place) => Row[] | Promise<Row[]>>> = {
  persist,
  copy,
  struct,
  log,
  transaction,
  reading,
  disk,
  growth,
};

const [peersLibrary = "", memory = "", diskFolder = "", only = "", short = ""] = process.argv.slice(2);
const isShort = short === "short";
// Many short rounds, as a short run is judged by the best: on a busy machine some of them pass undisturbed
const effort: Effort = isShort ? { roundMs: 2, rounds: 20 } : { roundMs: 20, rounds: 9 };
const place: Place = {
  memory,
  disk: diskFolder,
  isShort,
  peers: loadPeers(peersLibrary),
  runtime: "Deno" in globalThis ? "Deno" : "Bun",
};
for (const [group, rows] of Object.entries(groups)) {
  // What its rows need takes a while to make
  if (Object.keys(groups).some((other) => other !== group && only.startsWith(`${other}: `))) continue;
  for (const row of await rows(place)) {
    if (!isWanted(only, group, row.name)) continue;
    let result = { runtime: place.runtime, group, ...measure(row, effort) };
    // What is lost stays lost; a moment in which another program had the processor passes
    for (let again = 0; again < 2 && isShort && isLost(result); again++) {
      result = { ...result, ...measure(row, effort) };
    }
    console.log(JSON.stringify(result));
  }
}
