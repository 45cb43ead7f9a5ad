// Values and their number, in pages of their own, with a drain and no flush at all: right only where the caches survive, for then stores
// become durable in the order of the program.
import { EVERY, protocol, words } from "../protocol.ts";

export const programOrder = protocol({
  name: "program-order",
  size: 2 * 4096,
  right: ["eadr"],
  wrong: { px86: "torn", word: "torn", sector: "torn" },
  operations: { add: [5, 6] },
  further: [["add", 7]],
  init: () => [] as number[],
  means: { add: (state, value: number) => void state.push(value) },
  open(m, bug) {
    const count = words(m, 0, 1), cell = (i: number) => words(m, 4096 + 64 * i, 1);
    return {
      does: {
        add(value: number) {
          const length = count[0]!;
          if (bug === "count first") count[0] = length + 1;
          if (bug === "past the cache") {
            m.write(4096 + 64 * length, new Float64Array([value]), { drain: false });
          } else cell(length)[0] = value;
          if (bug === "drained before the count") m.drain();
          count[0] = length + 1;
          if (bug !== "not drained" && bug !== "drained before the count") m.drain();
        },
      },
      look: () => Array.from({ length: count[0]! }, (_, i) => cell(i)[0]!),
    };
  },
  bugs: {
    "count first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [0, 4096] },
    "past the cache": { kind: "non-temporal write not drained", models: EVERY, fails: "torn", loses: [4096] },
    "not drained": { kind: "acknowledged before the drain", models: EVERY, fails: "lost", loses: [0] },
    "drained before the count": { kind: "flush before the store", models: EVERY, fails: "lost", loses: [0] },
  },
});
