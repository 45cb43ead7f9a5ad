/**
 * The smallest durable write, against the same store, CLWB and fence in a native loop; and many lines with one wait.
 *
 * @module
 */

import { runtime } from "../../ffi/runtime.ts";
import { open } from "../../mod.ts";
import type { Row } from "../measure.ts";
import type { Place } from "../place.ts";

/** Eight bytes, where the line is warm, where it is the next one, and where it is anywhere in a gibibyte. */
export function rows({ memory, peers, isShort }: Place): Row[] {
  const size = isShort ? 2 ** 26 : 2 ** 30;
  const file = open(`${memory}/persist.dax`, { create: true, size, forceGranularity: "cache-line" });
  const words = file.view(Float64Array);
  const address = runtime()!.addressOf(words)!;
  const word = file.view(Float64Array, 0, 1);

  /** Persists a word at offsets that go up by a step, by the wrapping rule of peer_loop. */
  const walk = (step: number) => (count: number) => {
    let at = 0;
    for (let n = 0; n < count; n++) {
      words[at / 8] = n;
      file.persist(at, 8);
      at += step;
      if (at >= size) at -= size;
    }
  };
  const flushed = (lines: number) => (count: number) => {
    for (let n = 0; n < count; n++) {
      for (let line = 0; line < lines; line++) words[line * 8] = n;
      file.flush(0, lines * 64);
      file.drain();
    }
  };
  // A stride of a large odd number of lines meets every line, in an order that no prefetcher follows
  const anywhere = 64 * 5_368_711 % size;
  const row = (name: string, ours: Row["ours"], step: number, target?: number): Row => ({
    name,
    ours,
    peers: { "native loop": (count) => peers.peer_loop(address, size, step, count) },
    ...(target === undefined ? {} : { target }),
  });
  return [
    row("persist(offset, 8), same line", walk(0), 0, 1 / 1.03),
    row("persist(offset, 8), next line", walk(64), 64),
    row(`persist(offset, 8), any line of ${size / 2 ** 20} MiB`, walk(anywhere), anywhere),
    row(
      "persist(view) of 8 bytes, same line",
      (count) => {
        for (let n = 0; n < count; n++) {
          word[0] = n;
          file.persist(word);
        }
      },
      0,
      1 / 1.03,
    ),
    row(
      "store64, same line",
      (count) => {
        for (let n = 0; n < count; n++) file.store64(0, n);
      },
      0,
      1.4,
    ),
    ...[1, 8, 64, 512].map((lines): Row => ({
      name: `flush of ${lines} lines, one drain`,
      ours: flushed(lines),
      peers: { "native loop": (count) => peers.peer_flush(address, lines, count) },
    })),
  ];
}
