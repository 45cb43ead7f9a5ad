// Records of four words: number, two of data, checksum; appended by one copy with one fence. Recovery clears the torn one:
// another torn record in the same place could make the rest of it whole again.
import { checksum, DRAINS, protocol, words } from "../protocol.ts";

export const checksumCommit = protocol({
  name: "checksum-commit",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { add: [[1, 2], [3, 2]] },
  further: [["add", [4, 2]]],
  init: () => [] as number[][],
  means: { add: (state, pair: number[]) => void state.push(pair) },
  open(m, bug) {
    const record = (i: number) => words(m, 32 * i, 4);
    const check = (i: number, a: number, b: number) =>
      bug === "check misses b" ? checksum(i, a) : checksum(i, a, b);
    const isWhole = (i: number) => {
      const [number, a, b, stored] = record(i);
      return number === i + 1 && stored === check(i, a!, b!);
    };
    let length = 0;
    while (isWhole(length)) length++;
    if (bug !== "rest not cleared" && record(length).some((word) => word !== 0)) {
      m.fill(32 * length, 32, 0, { drain: bug !== "cleared, not drained" });
    }
    return {
      does: {
        add([a, b]: [number, number]) {
          const bytes = new Float64Array([length + 1, a, b, check(length, a, b)]);
          m.write(32 * length, bytes, { drain: bug !== "not drained" });
          length++;
        },
      },
      look: () => Array.from({ length }, (_, i) => [...record(i).slice(1, 3)]),
    };
  },
  bugs: {
    "check misses b": { kind: "checksum misses a field", models: DRAINS, fails: "torn", loses: [0] },
    "not drained": { kind: "non-temporal write not drained", models: DRAINS, fails: "lost", loses: [0] },
    "rest not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [0],
      later: true,
    },
    "cleared, not drained": {
      kind: "recovery forgets a flush",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [0],
      later: true,
    },
  },
});
