// A record whose last word says that it is there, appended by one copy: right only where a copy within a sector ascends, which the model
// of a disk assumes. Elsewhere the words of a copy are in no order.
import { EVERY, protocol, words } from "../protocol.ts";

export const ascendingCopy = protocol({
  name: "ascending-copy",
  size: 512,
  right: ["sector"],
  wrong: { px86: "torn", word: "torn", eadr: "torn" },
  operations: { add: [5, 6] },
  further: [["add", 7]],
  init: () => [] as number[],
  means: { add: (state, value: number) => void state.push(value) },
  open(m, bug) {
    const [value, flag] = bug === "flag in the first word" ? [1, 0] : [0, 1];
    const record = (i: number) => words(m, 16 * i, 2);
    let length = 0;
    while (record(length)[flag] === 1) length++;
    return {
      does: {
        add(added: number) {
          const bytes = new Float64Array(2);
          bytes[value] = added;
          bytes[flag] = 1;
          if (bug === "stored, not flushed") record(length).set(bytes);
          else m.write(16 * length, bytes);
          length++;
        },
      },
      look: () => Array.from({ length }, (_, i) => record(i)[value]!),
    };
  },
  bugs: {
    "flag in the first word": { kind: "torn commit", models: EVERY, fails: "torn", loses: [0] },
    "stored, not flushed": { kind: "flush dropped", models: EVERY, fails: "lost", loses: [0] },
  },
});
