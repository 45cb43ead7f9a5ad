/**
 * The smallest durable write, against the same store, CLWB and fence in a native loop; and many lines with one wait.
 *
 * @module
 */

import { runtime } from "../../ffi/runtime.ts";
import { open } from "../../mod.ts";
import type { Row } from "../measure.ts";
import { nativeLoop } from "../peers/c.ts";
import { mappedByBun } from "../peers/bun.ts";
import type { Place } from "../place.ts";
import { lineBytes, persisting, storing, strideOf } from "./work.ts";

/** Eight bytes, where the line is warm, where it is the next one, and where it is anywhere in a gibibyte. */
export function rows({ memory, peers, runtime: name, isShort }: Place): Row[] {
  const size = isShort ? 2 ** 26 : 2 ** 30;
  const file = open(`${memory}/persist.dax`, { create: true, size, forceGranularity: "cache-line" });
  file.fill(0, size); // neither side shall meet a page that is not mapped yet
  const words = file.view(Float64Array);
  const address = runtime()!.addressOf(words)!;
  const word = file.view(Float64Array, 0, 1);

  const flushed = (lines: number) => (count: number) => {
    for (let n = 0; n < count; n++) {
      for (let line = 0; line < lines; line++) words[line * 8] = n;
      file.flush(0, lines * lineBytes);
      file.drain();
    }
  };
  const anywhere = strideOf(size);
  const row = (name: string, ours: Row["ours"], step: number, target?: number): Row => ({
    name,
    ours,
    peers: { "native loop": nativeLoop(peers, address, size, step) },
    ...(target === undefined ? {} : { target }),
  });
  return [
    row("persist(offset, 8), same line", persisting(file, words, 0), 0, 1 / 1.03),
    row("persist(offset, 8), next line", persisting(file, words, lineBytes), lineBytes),
    row(
      `persist(offset, 8), any line of ${size / 2 ** 20} MiB`,
      persisting(file, words, anywhere),
      anywhere,
    ),
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
    {
      name: "store64, same line",
      ours: storing(file, size, 0),
      peers: {
        "native loop": nativeLoop(peers, address, size, 0),
        "its store alone in C": (count) => peers.peer_stream_word(address, count),
      },
      target: 1.4,
    },
    ...[1, 8, 64, 512].map((lines): Row => ({
      name: `flush of ${lines} lines, one drain`,
      ours: flushed(lines),
      peers: { "native loop": (count) => peers.peer_flush(address, lines, count) },
    })),
    ...(name === "Bun" ? mappedRows(`${memory}/persist.mapped`) : []),
  ];
}

/** Bun.mmap makes nothing durable, so that only the stores can be compared; and what durability adds to them. */
function mappedRows(path: string): Row[] {
  const size = 2 ** 20;
  const file = open(path, { create: true, size, forceGranularity: "cache-line" });
  const words = file.view(Float64Array);
  const peers = { "Bun.mmap, which makes nothing durable": storingOnly(mappedByBun(path)) };
  return [
    { name: "store of 8 bytes through a view, not durable", ours: storingOnly(words), peers },
    { name: "the same and persist(offset, 8)", ours: persisting(file, words, lineBytes), peers },
  ];
}

function storingOnly(words: Float64Array) {
  const size = words.length, step = lineBytes / 8;
  let at = 0;
  return (count: number) => {
    for (let n = 0; n < count; n++) {
      words[at] = n;
      at += step;
      if (at >= size) at -= size;
    }
  };
}
