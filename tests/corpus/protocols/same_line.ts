// A cell holds a value, and after it, in the same line, the flag that says so. One flush, one fence: stores to one line
// survive in their order. Where every word is on its own (word), the flag can be there without the value.
import { DRAINS, EVERY, FLUSHES, protocol, words } from "../protocol.ts";

export const sameLine = protocol({
  name: "same-line",
  size: 512,
  right: ["px86", "sector", "eadr"],
  wrong: { word: "torn" },
  operations: { add: [5, 6] },
  further: [["add", 7]],
  init: () => [] as number[],
  means: { add: (state, value: number) => void state.push(value) },
  open(m, bug) {
    const cell = (i: number) => words(m, 64 * i, 2);
    let length = 0;
    while (cell(length)[1] === 1) length++;
    return {
      does: {
        add(value: number) {
          const target = cell(length++);
          if (bug === "flag first") target[1] = 1;
          if (bug === "copied at once") target.set([value, 1]);
          target[0] = value;
          if (bug === "flushed before the flag") m.persist(target);
          target[1] = 1;
          if (bug === "flushed before the flag") return;
          if (bug !== "not flushed") m.flush(target);
          if (bug !== "not drained") m.drain();
        },
      },
      look: () => Array.from({ length }, (_, i) => cell(i)[0]!),
    };
  },
  bugs: {
    "flag first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [0] },
    "copied at once": { kind: "torn commit", models: DRAINS, fails: "torn", loses: [0] },
    "flushed before the flag": { kind: "flush before the store", models: EVERY, fails: "lost", loses: [0] },
    "not flushed": { kind: "flush dropped", models: FLUSHES, fails: "lost", loses: [0] },
    "not drained": { kind: "acknowledged before the drain", models: DRAINS, fails: "lost", loses: [0] },
  },
});
