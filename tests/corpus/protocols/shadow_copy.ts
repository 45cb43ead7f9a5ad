// Two copies of a record of two lines, and a word that says which one holds. The other is written and made durable; then
// the word changes.
import { DRAINS, EVERY, integer, LINES, protocol, words } from "../protocol.ts";

export const shadowCopy = protocol({
  name: "shadow-copy",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { set: [[1, 2], [3, 4]] },
  longer: [[["set", [1, 2]], ["set", [3, 4]], ["set", [5, 6]]]],
  further: [["set", [7, 8]]],
  init: () => [0, 0],
  means: { set: (_, pair: number[]) => pair },
  open(m, bug) {
    const copy = (side: number) => words(m, 64 + 128 * side, 16);
    const live = () => integer(m, 0);
    return {
      does: {
        set([a, b]: [number, number]) {
          const side = bug === "in place" ? live() : 1 - live();
          const target = copy(side);
          if (bug === "pointer first") m.store64(0, side);
          if (bug === "copied, not drained") {
            const bytes = new Float64Array(16);
            bytes[0] = a;
            bytes[15] = b;
            m.write(target.byteOffset, bytes, { drain: false });
          } else {
            target[0] = a;
            target[15] = b;
            if (bug === "second line not flushed") m.flush(target.byteOffset, 64);
            else if (bug === "other copy flushed") m.flush(copy(1 - side));
            else if (bug !== "not flushed") m.flush(target);
            if (bug !== "not drained") m.drain();
          }
          if (bug === "pointer not drained") {
            m.view(BigUint64Array, 0, 1)[0] = BigInt(side);
            m.flush(0, 8);
          } else m.store64(0, side);
        },
      },
      look: () => [copy(live())[0]!, copy(live())[15]!],
    };
  },
  bugs: {
    "in place": { kind: "reused too early", models: EVERY, fails: "torn", loses: [128] },
    "pointer first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [256] },
    "second line not flushed": {
      kind: "second line not flushed",
      models: LINES,
      fails: "torn",
      loses: [256],
    },
    "other copy flushed": { kind: "wrong line flushed", models: LINES, fails: "torn", loses: [256] },
    "not flushed": { kind: "flush dropped", models: LINES, fails: "torn", loses: [256] },
    "not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [256] },
    "copied, not drained": {
      kind: "non-temporal write not drained",
      models: DRAINS,
      fails: "torn",
      loses: [256],
    },
    "pointer not drained": {
      kind: "acknowledged before the drain",
      models: DRAINS,
      fails: "lost",
      loses: [0],
    },
  },
});
