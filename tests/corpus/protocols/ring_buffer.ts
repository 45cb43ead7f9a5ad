// Keeps the last three values in a ring of four numbered, checked slots: the one that is overwritten is none of the three.
// One copy, one fence. Recovery clears a torn slot.
import { checksum, DRAINS, EVERY, protocol, words } from "../protocol.ts";

const lap = [["note", 1], ["note", 2], ["note", 3], ["note", 4], ["note", 5]] as const;

export const ringBuffer = protocol({
  name: "ring-buffer",
  size: 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { note: [5, 6] },
  longer: [lap.slice(0, 4), lap],
  further: [["note", 7]],
  init: () => [] as number[],
  means: { note: (state, value: number) => [...state, value].slice(-3) },
  open(m, bug) {
    const slots = bug === "three slots" ? 3 : 4;
    const slot = (number: number) => words(m, 64 * (number % slots), 3);
    const check = (number: number, value: number) =>
      bug === "check misses the number" ? checksum(value) : checksum(number, value);
    const found = new Map<number, number>();
    for (let i = 0; i < slots; i++) {
      const [number, value, stored] = slot(i);
      if (stored === check(number!, value!)) found.set(number!, value!);
      else if (stored !== 0 && bug !== "torn slot not cleared") m.store64(64 * i + 16, 0);
    }
    let last = Math.max(0, ...found.keys());
    return {
      does: {
        note(value: number) {
          const number = ++last % (bug === "numbers up to three" ? 4 : Infinity);
          const bytes = new Float64Array([number, value, check(number, value)]);
          m.write(slot(last).byteOffset, bytes, { drain: bug !== "not drained" });
          found.set(number, value);
        },
      },
      look() {
        const numbers = [...found.keys()];
        if (bug !== "read as they lie") numbers.sort((a, b) => a - b);
        return numbers.filter((number) => number > last - 3 || bug === "oldest slot read")
          .map((number) => found.get(number)!);
      },
    };
  },
  bugs: {
    "three slots": { kind: "wrap-around", models: EVERY, fails: ["lost", "torn"], loses: [64] },
    "numbers up to three": { kind: "wrap-around", models: EVERY, fails: ["lost", "torn"], loses: [] },
    "check misses the number": {
      kind: "checksum misses a field",
      models: EVERY,
      fails: "torn",
      loses: [128],
    },
    "oldest slot read": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "read as they lie": {
      kind: "reader in the wrong order",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "torn slot not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "not drained": { kind: "acknowledged before the drain", models: DRAINS, fails: "lost", loses: [64] },
  },
});
