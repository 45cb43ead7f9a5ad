/**
 * Transactions on single words, each on a line of its own, against libpmemobj's.
 *
 * @module
 */

import { runtime } from "../../ffi/runtime.ts";
import { open } from "../../mod.ts";
import { openPool } from "../../src/transaction/mod.ts";
import type { Row } from "../measure.ts";
import { pathAddress } from "../peers/c.ts";
import type { Place } from "../place.ts";
import { adding, lineBytes } from "./work.ts";

/** 1, 8 and 64 words. */
export function rows({ memory, peers }: Place): Row[] {
  const pool = openPool(`${memory}/pool`, { create: true, size: 2 ** 24, forceGranularity: "cache-line" });
  peers.peer_obj_open(pathAddress(`${memory}/pmemobj`), 2 ** 24);
  const size = 2 ** 20,
    plain = open(`${memory}/commits`, { create: true, size, forceGranularity: "cache-line" });
  const start = runtime()!.addressOf(plain.view(Uint8Array))!;
  return [1, 8, 64].map((words): Row => ({
    name: `transaction that adds to ${words} words`,
    ours: adding(pool, words),
    peers: {
      libpmemobj: (count) => peers.peer_obj_transaction(words, lineBytes, count),
      // What no transaction can be faster than
      "its stores alone in C": (count) => peers.peer_stream_commit(start, size, words, lineBytes, count),
    },
    ...(words === 1 ? { target: 4 } : {}),
  }));
}
