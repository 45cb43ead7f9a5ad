// Two files' worth in one region: an index in the first page, bytes in the pages behind it. Bytes and index entry are made durable, then
// the number of entries.
import { DRAINS, EVERY, FLUSHES, integer, LINES, protocol, text } from "../protocol.ts";

const DATA = 4096;

export const twoAreas = protocol({
  name: "two-areas",
  size: DATA + 1024,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { put: ["hello", "a text that is long enough to go on in the second of the two lines"] },
  further: [["put", "more"]],
  init: () => [] as string[],
  means: { put: (state, text: string) => void state.push(text) },
  open(m, bug) {
    const entry = (i: number) => m.view(Uint32Array, 64 + 64 * i, 2);
    return {
      does: {
        put(added: string) {
          const count = integer(m, 0), bytes = new TextEncoder().encode(added), start = 128 * count;
          if (bug === "counted first") m.store64(0, count + 1);
          m.view(Uint8Array, DATA + start, bytes.length).set(bytes);
          if (bug === "entry stored late") m.persist(DATA + start, bytes.length);
          entry(count).set([start, bytes.length]);
          if (bug === "flushed in the index") m.flush(start, bytes.length);
          else if (bug === "narrowed") m.flush(DATA + start, Math.min(64, bytes.length));
          else if (bug !== "bytes not flushed" && bug !== "entry stored late") {
            m.flush(DATA + start, bytes.length);
          }
          if (bug !== "entry stored late") m.flush(entry(count));
          if (bug !== "not drained" && bug !== "entry stored late") m.drain();
          m.store64(0, count + 1);
        },
      },
      look: () => Array.from({ length: integer(m, 0) }, (_, i) => text(m, DATA + entry(i)[0]!, entry(i)[1]!)),
    };
  },
  bugs: {
    "counted first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "bytes not flushed": { kind: "flush dropped", models: FLUSHES, fails: "torn", loses: [4096] },
    "flushed in the index": { kind: "wrong line flushed", models: FLUSHES, fails: "torn", loses: [4096] },
    "narrowed": { kind: "flush narrowed", models: LINES, fails: "torn", loses: [4160] },
    "entry stored late": { kind: "flush before the store", models: DRAINS, fails: "torn", loses: [64] },
    "not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [4096] },
  },
});
