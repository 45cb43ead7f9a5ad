/**
 * write and fill against pmem_memcpy_persist and pmem_memset_persist, at every power of two, aligned and not.
 *
 * @module
 */

import { runtime } from "../../ffi/runtime.ts";
import { open } from "../../mod.ts";
import type { Row } from "../measure.ts";
import type { Place } from "../place.ts";
import { pathAddress } from "../peers/c.ts";

/** Where an unaligned copy begins: in the middle of a line, at no multiple of eight. */
const skewBytes = 13;

/** 64 bytes to 64 MiB. */
export function rows({ memory, peers, isShort }: Place): Row[] {
  const most = isShort ? 2 ** 22 : 2 ** 26, size = 4 * most;
  const file = open(`${memory}/copy.dax`, { create: true, size, forceGranularity: "cache-line" });
  file.fill(0, size);
  peers.peer_pmem_open(pathAddress(`${memory}/copy.pmem`), size);
  peers.peer_pmem_fill(0, size, 0, size, 1); // its pages are there, as ours are
  const streamed = open(`${memory}/copy.streamed`, { create: true, size, forceGranularity: "cache-line" });
  streamed.fill(0, size);
  const limit = runtime()!.addressOf(streamed.view(Uint8Array))!;
  const source = new Uint8Array(most).fill(0x5a);
  const address = runtime()!.addressOf(source)!;
  const rows: Row[] = [];
  for (let bytes = 64; bytes <= most; bytes *= 2) {
    // Neighbouring places, so that neither side finds its lines in the cache by luck
    const step = bytes + 64, wrap = size - step - 64;
    const from = source.subarray(0, bytes);
    for (const skew of [0, skewBytes]) {
      const place = skew === 0 ? "" : ", unaligned";
      rows.push({
        name: `write ${bytes}${place}`,
        bytes,
        ours: (count) => {
          let at = skew;
          for (let n = 0; n < count; n++) {
            file.write(at, from);
            at += step;
            if (at - skew >= wrap) at = skew;
          }
        },
        peers: {
          libpmem: (count) => peers.peer_pmem_copy(skew, address, bytes, step, wrap, count),
          // What no copy can be faster than
          ...(skew === 0
            ? {
              "non-temporal stores in C": (count: number) =>
                peers.peer_stream_copy(limit, address, bytes, step, wrap, count),
            }
            : {}),
        },
        ...(skew === 0 ? { target: bytes < 65_536 ? 1 : 1.5 } : {}),
      }, {
        name: `fill ${bytes}${place}`,
        bytes,
        ours: (count) => {
          let at = skew;
          for (let n = 0; n < count; n++) {
            file.fill(at, bytes, n & 255);
            at += step;
            if (at - skew >= wrap) at = skew;
          }
        },
        peers: { libpmem: (count) => peers.peer_pmem_fill(skew, bytes, step, wrap, count) },
      });
    }
  }
  return rows;
}
