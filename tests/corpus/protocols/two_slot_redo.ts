// Two redo slots used in turn, one fence a commit: it flushes its slot and the line that the commit before it changed in
// place, fences, and applies. Recovery replays both slots in order, and clears one that is torn.
import { checksum, DRAINS, EVERY, FLUSHES, protocol, words } from "../protocol.ts";

export const twoSlotRedo = protocol({
  name: "two-slot-redo",
  size: 4096 + 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { put: [[0, 5], [1, 6]] },
  longer: [[["put", [0, 5]], ["put", [0, 6]]], [["put", [0, 5]], ["put", [1, 6]], ["put", [2, 7]]]],
  further: [["put", [2, 5]], ["put", [1, 8]]],
  init: () => [0, 0, 0],
  means: { put: (state, [i, value]: [number, number]) => void (state[i] = value) },
  open(m, bug) {
    const slot = (side: number) => words(m, 64 * side, 4);
    const cell = (i: number) => words(m, 4096 + 64 * i, 1);
    const check = (number: number, i: number, value: number) =>
      bug === "check misses the value" ? checksum(number, i) : checksum(number, i, value);
    let number = 0;
    let changed: Float64Array | undefined;
    const whole: number[][] = [];
    for (const side of [0, 1]) {
      const [at, i, value, stored] = slot(side);
      if (stored === check(at!, i!, value!)) whole.push([at!, i!, value!]);
      else if (stored !== 0 && bug !== "torn slot not cleared") m.store64(64 * side + 24, 0);
    }
    if (bug !== "replayed as they lie") whole.sort(([a], [b]) => a! - b!);
    for (const [at, i, value] of whole) {
      cell(i!)[0] = value!;
      if (bug !== "recovery does not flush") m.flush(cell(i!));
      number = Math.max(number, at!);
    }
    if (whole.length > 0) m.drain();
    return {
      does: {
        put([i, value]: [number, number]) {
          number++;
          const target = slot(bug === "one slot" ? 0 : number % 2);
          target.set([number, i, value, check(number, i, value)]);
          m.flush(target);
          if (changed && bug !== "line before not flushed") m.flush(changed);
          if (bug !== "not drained") m.drain();
          changed = cell(i);
          changed[0] = value;
        },
      },
      look: () => [0, 1, 2].map((i) => cell(i)[0]!),
    };
  },
  bugs: {
    "check misses the value": {
      kind: "checksum misses a field",
      models: DRAINS,
      fails: ["lost", "torn"],
      loses: [0],
    },
    "torn slot not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "replayed as they lie": { kind: "recovery in the wrong order", models: EVERY, fails: "lost", loses: [] },
    "recovery does not flush": {
      kind: "recovery forgets a flush",
      models: FLUSHES,
      fails: ["lost", "not-durable"],
      loses: [4096],
      later: true,
    },
    "one slot": { kind: "reused too early", models: FLUSHES, fails: ["lost", "torn"], loses: [0, 4096] },
    "line before not flushed": {
      kind: "flush dropped",
      models: FLUSHES,
      fails: ["lost", "torn"],
      loses: [4096],
    },
    "not drained": { kind: "drain dropped", models: DRAINS, fails: "lost", loses: [64, 4096] },
  },
});
