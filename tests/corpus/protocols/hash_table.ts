// Open addressing over four slots, each a state (0 free, 1 used, 2 removed), a key and a value. Key and value are made
// durable before the state; a value is replaced by one store; what is removed stays in the way of the search.
import { DRAINS, EVERY, integer, protocol } from "../protocol.ts";

const full = [["put", [1, 5]], ["put", [5, 6]], ["put", [2, 7]], ["put", [3, 8]]] as const;

export const hashTable = protocol({
  name: "hash-table",
  size: 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { put: [[1, 5], [5, 6]], remove: [1] },
  longer: [[["put", [1, 5]], ["put", [1, 7]]], full, [["put", [1, 5]], ["remove", 1], ["put", [5, 7]]], [
    ["put", [1, 5]],
    ["put", [5, 6]],
    [
      "remove",
      1,
    ],
  ]],
  further: [["put", [5, 9]]],
  init: () => ({}) as Record<number, number>,
  means: {
    put: (state, [key, value]: [number, number]) => void (state[key] = value),
    remove: (state, key: number) => void delete state[key],
  },
  open(m, bug) {
    const at = (key: number, probe: number) => 64 * ((key + probe) % 4);
    const find = (key: number) => {
      for (let probe = 0; probe < 4 || bug === "search without end"; probe++) {
        const slot = at(key, probe), state = integer(m, slot);
        if (state === 1 && integer(m, slot + 8) === key) return slot;
        if (state === 0) break;
      }
      return undefined;
    };
    return {
      does: {
        put([key, value]: [number, number]) {
          const slot = find(key);
          const free = [0, 1, 2, 3].map((probe) => at(key, probe)).find((slot) => integer(m, slot) !== 1)!;
          const target = m.view(BigUint64Array, slot ?? free, 3);
          if (slot !== undefined && bug === "value not drained") {
            target[2] = BigInt(value);
            m.flush(target);
          } else if (slot !== undefined) m.store64(slot + 16, value);
          else if (bug === "copied at once") {
            target.set([1n, BigInt(key), BigInt(value)]);
            m.persist(target);
          } else {
            if (bug === "state first") m.store64(free, 1);
            target[1] = BigInt(key);
            target[2] = BigInt(value);
            m.flush(target);
            if (bug !== "not drained") m.drain();
            m.store64(free, 1);
          }
        },
        remove(key: number) {
          const slot = find(key);
          if (slot !== undefined) m.store64(slot, bug === "removed is free" ? 0 : 2);
        },
      },
      look() {
        const keys = [1, 2, 3, 5, 9].filter((key) => find(key) !== undefined);
        return Object.fromEntries(keys.map((key) => [key, integer(m, find(key)! + 16)]));
      },
    };
  },
  bugs: {
    "state first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [64] },
    "not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [64] },
    "copied at once": { kind: "torn commit", models: EVERY, fails: "torn", loses: [64] },
    "value not drained": {
      kind: "acknowledged before the drain",
      models: DRAINS,
      fails: "lost",
      loses: [64],
    },
    "removed is free": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "search without end": { kind: "endless recovery", models: EVERY, fails: "endless", loses: [] },
  },
});
