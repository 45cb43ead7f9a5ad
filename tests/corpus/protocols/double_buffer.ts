// Two slots used in turn, each with a number, a value and a checksum over both; the slot with the higher number holds.
// One copy, one fence. Recovery clears a torn slot.
import { checksum, DRAINS, EVERY, protocol, words } from "../protocol.ts";

export const doubleBuffer = protocol({
  name: "double-buffer",
  size: 128,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { set: [5, 6] },
  longer: [[["set", 5], ["set", 6], ["set", 7]]],
  further: [["set", 8]],
  init: () => 0,
  means: { set: (_, value: number) => value },
  open(m, bug) {
    const slot = (side: number) => words(m, 64 * side, 3);
    const check = (number: number, value: number) =>
      bug === "check misses the value"
        ? checksum(number)
        : bug === "check misses the number"
        ? checksum(value)
        : checksum(number, value);
    let held = { number: 0, value: 0 };
    for (const side of [0, 1]) {
      const [number, value, stored] = slot(side);
      if (stored === check(number!, value!)) {
        if (number! > held.number || bug === "last slot wins") held = { number: number!, value: value! };
      } else if (stored !== 0 && bug !== "torn slot not cleared") {
        m.fill(64 * side, 24, 0, { drain: bug !== "cleared, not drained" });
      }
    }
    return {
      does: {
        set(value: number) {
          const number = held.number + 1, side = bug === "one slot" ? 0 : number % 2;
          const bytes = new Float64Array([number, value, check(number, value)]);
          m.write(64 * side, bytes, { drain: bug !== "not drained" });
          held = { number, value };
        },
      },
      look: () => held.value,
    };
  },
  bugs: {
    "check misses the value": {
      kind: "checksum misses a field",
      models: DRAINS,
      fails: ["lost", "torn"],
      loses: [0],
    },
    "check misses the number": {
      kind: "checksum misses a field",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [64],
    },
    "last slot wins": {
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
    "cleared, not drained": {
      kind: "recovery forgets a flush",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "one slot": { kind: "reused too early", models: EVERY, fails: ["lost", "torn"], loses: [0] },
    "not drained": { kind: "non-temporal write not drained", models: DRAINS, fails: "lost", loses: [64] },
  },
});
