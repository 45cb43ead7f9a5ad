// A sum in one of two base slots, and differences behind it, all numbered by the epoch of their base and checked. A checkpoint
// writes the sum into the other slot with the next epoch, whereupon the old differences do not count. Recovery clears what is torn.
import { checksum, DRAINS, EVERY, protocol, words } from "../protocol.ts";

export const checkpointDelta = protocol({
  name: "checkpoint-delta",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { add: [5, 3], fold: [undefined] },
  longer: [[["add", 5], ["fold"], ["add", 3]], [["fold"], ["add", 5], ["fold"]]],
  further: [["add", 7], ["fold"]],
  init: () => 0,
  means: { add: (state, by: number) => state + by, fold: () => {} },
  open(m, bug) {
    const base = (side: number) => words(m, 64 * side, 3);
    const delta = (i: number) => words(m, 128 + 64 * i, 3);
    const check = (epoch: number, i: number, value: number) =>
      bug === "check misses the epoch" ? checksum(i, value) : checksum(epoch, i, value);
    const write = (target: Float64Array, i: number, value: number, drain: boolean) =>
      m.write(target.byteOffset, new Float64Array([epoch, value, check(epoch, i, value)]), { drain });
    const clear = (target: Float64Array) => {
      if (target[2] !== 0 && bug !== "rest not cleared") m.store64(target.byteOffset + 16, 0);
    };
    let epoch = 0, sum = 0, length = 0;
    for (const side of [0, 1]) {
      const [at, value, stored] = base(side);
      if (stored !== check(at!, -1, value!)) clear(base(side));
      else if (at! > epoch) [epoch, sum] = [at!, value!];
    }
    for (; length < 6; length++) {
      const [at, value, stored] = delta(length);
      const isCurrent = at === epoch || bug === "any epoch counts";
      if (stored !== check(at!, length, value!)) clear(delta(length));
      if (!isCurrent || stored !== check(at!, length, value!)) break;
      sum += value!;
    }
    return {
      does: {
        add(by: number) {
          write(delta(length), length, by, bug !== "difference not drained");
          length++;
          sum += by;
        },
        fold() {
          epoch++;
          write(base(bug === "one base" ? 0 : epoch % 2), -1, sum, bug !== "base not drained");
          length = 0;
        },
      },
      look: () => sum,
    };
  },
  bugs: {
    "check misses the epoch": { kind: "checksum misses a field", models: EVERY, fails: "torn", loses: [128] },
    "any epoch counts": {
      kind: "stale generation accepted",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "rest not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "base not drained": { kind: "reused too early", models: DRAINS, fails: ["lost", "torn"], loses: [64] },
    "one base": { kind: "reused too early", models: EVERY, fails: ["lost", "torn"], loses: [0] },
    "difference not drained": {
      kind: "non-temporal write not drained",
      models: DRAINS,
      fails: "lost",
      loses: [128],
    },
  },
});
