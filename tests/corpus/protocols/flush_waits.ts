// A value is flushed, then its number is: no drain between, and none behind. Right only where a flush is an msync, which waits.
import { EVERY, protocol, words } from "../protocol.ts";

export const flushWaits = protocol({
  name: "flush-waits",
  size: 2 * 4096,
  right: ["sector"],
  wrong: { px86: "torn", word: "torn", eadr: "lost" },
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
          cell(length)[0] = value;
          if (bug !== "value flushed last") m.flush(cell(length));
          count[0] = length + 1;
          m.flush(count);
          if (bug === "value flushed last") m.flush(cell(length));
        },
      },
      look: () => Array.from({ length: count[0]! }, (_, i) => cell(i)[0]!),
    };
  },
  bugs: {
    "value flushed last": { kind: "commit before the drain", models: EVERY, fails: "torn", loses: [4096] },
  },
});
