// One slot for a journalled batch, whose writes in place are durable only there. Before anybody makes anything else durable through the
// file, what was deferred writes them back and retires the slot: or else recovery would undo a later direct write.
import { Batch } from "../../../mod.ts";
import { bytes, DRAINS, EVERY, FLUSHES, integer, LINES, protocol } from "../protocol.ts";

const SEED = 3, DATA = 4096;

export const deferredSettle = protocol({
  name: "deferred-settle",
  size: DATA + 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { put: [[0, 5, 1, 6]], set: [[0, 7], [2, 8]] },
  longer: [
    [["put", [0, 5, 1, 6]], ["set", [0, 7]], ["put", [1, 2, 0, 3]], ["set", [0, 9]]],
    [["put", [0, 5, 1, 6]], ["put", [1, 2, 2, 3]]],
  ],
  further: [["set", [0, 3]]],
  init: () => [0, 0, 0],
  means: {
    put(state, [i, a, k, b]: [number, number, number, number]) {
      state[i] = a;
      state[k] = b;
    },
    set: (state, [i, value]: [number, number]) => void (state[i] = value),
  },
  open(m, bug) {
    const at = (i: number) => DATA + 64 * i;
    const batch = m.batch(64);
    const retire = () => {
      if (bug === "retired, not durable") m.view(BigUint64Array, 0, 1)[0] = 0n;
      else m.store64(0, 0);
    };
    const settle = () => {
      if (bug === "retired first") retire();
      for (const { byteOffset } of Batch.entries(batch.bytes)) {
        if (bug !== "settled, not flushed") m.flush(byteOffset, 8);
        if (bug === "settles the first only") break;
      }
      if (bug !== "retired before the drain") m.drain();
      if (bug !== "retired first") retire();
    };
    const length = m.recordLength(0, DATA, SEED);
    if (length >= 0) {
      for (const { byteOffset, bytes: data } of Batch.entries(bytes(m, 16, length))) {
        m.write(byteOffset, data);
      }
    }
    if (bug !== "replayed, not retired" && integer(m, 0) !== 0) m.store64(0, 0);
    let isDeferred = false;
    const settled = () => {
      isDeferred = false;
      settle();
    };
    return {
      does: {
        put([i, a, k, b]: [number, number, number, number]) {
          // The slot is free only once the batch before is in its place.
          if (isDeferred && bug !== "slot taken again") settled();
          batch.clear();
          for (const [cell, value] of [[i, a], [k, b]] as const) {
            batch.write(at(cell), new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
          }
          m.commit(0, batch, 1, 0, SEED);
          isDeferred = true;
          if (bug !== "not deferred") m.defer(settled);
        },
        set([i, value]: [number, number]) {
          m.store64(at(i), value);
        },
      },
      look: () => [0, 1, 2].map((i) => integer(m, at(i))),
    };
  },
  bugs: {
    "not deferred": { kind: "stale generation accepted", models: EVERY, fails: ["lost", "torn"], loses: [] },
    "retired, not durable": { kind: "flush dropped", models: FLUSHES, fails: ["lost", "torn"], loses: [0] },
    "retired first": { kind: "commit hoisted", models: EVERY, fails: ["lost", "torn"], loses: [4160] },
    "settled, not flushed": {
      kind: "flush dropped",
      models: FLUSHES,
      fails: ["lost", "torn"],
      loses: [4160],
    },
    "settles the first only": {
      kind: "flush narrowed",
      models: LINES,
      fails: ["lost", "torn"],
      loses: [4160],
    },
    "retired before the drain": {
      kind: "commit before the drain",
      models: DRAINS,
      fails: ["lost", "torn"],
      loses: [4160],
    },
    "replayed, not retired": {
      kind: "stale generation accepted",
      models: EVERY,
      fails: ["not-durable", "lost", "torn"],
      loses: [],
      later: true,
    },
    "slot taken again": { kind: "reused too early", models: EVERY, fails: ["lost", "torn"], loses: [4096] },
  },
});
