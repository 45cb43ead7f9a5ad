/**
 * Transactions on single words, each on a line of its own, against libpmemobj's.
 *
 * @module
 */

import { openPool } from "../../src/transaction/mod.ts";
import type { Row } from "../measure.ts";
import { pathAddress } from "../peers/c.ts";
import type { Place } from "../place.ts";
import { adding, lineBytes } from "./work.ts";

/** 1, 8 and 64 words. */
export function rows({ memory, peers }: Place): Row[] {
  const pool = openPool(`${memory}/pool`, { create: true, size: 2 ** 24, forceGranularity: "cache-line" });
  peers.peer_obj_open(pathAddress(`${memory}/pmemobj`), 2 ** 24);
  return [1, 8, 64].map((words): Row => ({
    name: `transaction that adds to ${words} words`,
    ours: adding(pool, words),
    peers: { libpmemobj: (count) => peers.peer_obj_transaction(words, lineBytes, count) },
    ...(words === 1 ? { target: 4 } : {}),
  }));
}
