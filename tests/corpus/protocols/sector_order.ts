// Values in lines of their own, and how many there are, all in one sector of 512 bytes and flushed once. A disk writes a sector whole, so
// the stores to it survive in order; lines of a cache do not.
import { EVERY, protocol, words } from "../protocol.ts";

export const sectorOrder = protocol({
  name: "sector-order",
  size: 4096,
  right: ["sector", "eadr"],
  wrong: { px86: "torn", word: "torn" },
  operations: { add: [5, 6] },
  longer: [[["add", 5], ["add", 6], ["add", 5]]],
  further: [["add", 7]],
  init: () => [] as number[],
  means: { add: (state, value: number) => void state.push(value) },
  open(m, bug) {
    const count = words(m, 0, 1);
    const cell = (i: number) => words(m, (bug === "two sectors" ? 512 : 64) + 64 * i, 1);
    return {
      does: {
        add(value: number) {
          const length = count[0]!;
          if (bug === "count first") count[0] = length + 1;
          cell(length)[0] = value;
          if (bug === "flushed before the count") m.persist(0, 1024);
          count[0] = length + 1;
          if (bug === "not flushed") m.drain();
          else if (bug !== "flushed before the count") m.persist(0, 1024);
        },
      },
      look: () => Array.from({ length: count[0]! }, (_, i) => cell(i)[0]!),
    };
  },
  bugs: {
    "count first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [0, 64] },
    "two sectors": { kind: "commit before the drain", models: ["sector"], fails: "torn", loses: [512] },
    "not flushed": { kind: "flush dropped", models: ["sector"], fails: "lost", loses: [0] },
    "flushed before the count": { kind: "flush before the store", models: EVERY, fails: "lost", loses: [0] },
  },
});
