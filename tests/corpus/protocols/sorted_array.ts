// A sorted array in one of two halves; to insert writes the whole array with the new value into the other half, and one word then
// says which half and how long.
import { DRAINS, EVERY, integer, LINES, protocol, words } from "../protocol.ts";

export const sortedArray = protocol({
  name: "sorted-array",
  size: 64 + 2 * 128,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { insert: [5, 3] },
  longer: [[["insert", 5], ["insert", 3], ["insert", 4]]],
  further: [["insert", 1]],
  init: () => [] as number[],
  means: { insert: (state, value: number) => [...state, value].sort((a, b) => a - b) },
  open(m, bug) {
    const half = (side: number, length: number) => words(m, 64 + 128 * side, length);
    const isApart = bug === "half and length apart";
    const read = () =>
      isApart ? [integer(m, 0), integer(m, 8)] as const : [integer(m, 0) & 1, integer(m, 0) >> 1] as const;
    const look = () => {
      const [side, length] = read();
      return Array.from({ length }, (_, i) => half(side, length)[i]!);
    };
    return {
      does: {
        insert(value: number) {
          const [side, length] = read(), other = bug === "in place" ? side : 1 - side;
          const values = new Float64Array([...look(), value].sort((a, b) => a - b));
          if (bug === "stored, other half flushed") {
            for (const [i, one] of values.entries()) half(other, length + 1)[i] = one;
            m.persist(half(side, length + 1));
          } else m.write(half(other, 1).byteOffset, values, { drain: bug !== "not drained" });
          if (isApart) {
            m.view(BigUint64Array, 0, 2).set([BigInt(other), BigInt(length + 1)]);
            m.persist(0, 16);
          } else m.store64(0, other + 2 * (length + 1));
        },
      },
      look,
    };
  },
  bugs: {
    "half and length apart": { kind: "torn commit", models: EVERY, fails: "torn", loses: [0] },
    "in place": { kind: "reused too early", models: EVERY, fails: "torn", loses: [] },
    "stored, other half flushed": { kind: "wrong line flushed", models: LINES, fails: "torn", loses: [192] },
    "not drained": { kind: "non-temporal write not drained", models: DRAINS, fails: "torn", loses: [192] },
  },
});
