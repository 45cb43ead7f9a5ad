// One word that counts, about to need its upper half: the smallest protocol there is, and every way to get it wrong.
import { DRAINS, EVERY, FLUSHES, LINES, protocol } from "../protocol.ts";

export const counter = protocol({
  name: "counter",
  size: 4096 + 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { add: [1] },
  longer: [[["add", 1], ["add", 1], ["add", 2 ** 32 - 1]]],
  further: [["add", 1]],
  init: () => 2 ** 32 - 1,
  means: { add: (state, by: number) => state + by },
  setup: (m, bug) => m.view(DataView).setBigUint64(place(bug), 2n ** 32n - 1n, true),
  open(m, bug) {
    const at = place(bug), bytes = m.view(DataView);
    const look = () => Number(bytes.getBigUint64(at, true));
    return {
      does: {
        add(by: number) {
          const value = BigInt(look() + by);
          if (bug === undefined) return m.store64(at, value);
          if (bug === "flushed before") m.persist(at, 8);
          if (bug === "two halves") {
            bytes.setUint32(at, Number(value & 0xffff_ffffn), true);
            bytes.setUint32(at + 4, Number(value >> 32n), true);
          } else bytes.setBigUint64(at, value, true);
          if (bug === "next line flushed") m.flush(at + 64, 8);
          else if (bug === "next page flushed") m.flush(4096, 8);
          else if (bug !== "not flushed" && bug !== "flushed before") m.flush(at, 8);
          if (bug !== "not drained" && bug !== "flushed before") m.drain();
        },
      },
      look,
    };
  },
  bugs: {
    "not aligned": { kind: "unaligned commit", models: EVERY, fails: "torn", loses: [0] },
    "in two lines": { kind: "unaligned commit", models: EVERY, fails: "torn", loses: [64] },
    "in two pages": { kind: "unaligned commit", models: EVERY, fails: "torn", loses: [4096] },
    "two halves": { kind: "torn commit", models: EVERY, fails: "torn", loses: [0] },
    "not flushed": { kind: "flush dropped", models: FLUSHES, fails: "lost", loses: [0] },
    "not drained": { kind: "acknowledged before the drain", models: DRAINS, fails: "lost", loses: [0] },
    "flushed before": { kind: "flush before the store", models: EVERY, fails: "lost", loses: [0] },
    "next line flushed": { kind: "wrong line flushed", models: LINES, fails: "lost", loses: [0] },
    "next page flushed": { kind: "wrong line flushed", models: FLUSHES, fails: "lost", loses: [0] },
  },
});

function place(bug: string | undefined): number {
  if (bug === "in two lines") return 60;
  return bug === "in two pages" ? 4092 : bug === "not aligned" ? 4 : 0;
}
