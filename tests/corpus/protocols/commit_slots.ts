// Two slots in turn, each holding one journalled batch: a commit also writes back what the batch before it changed in place. Recovery
// applies both in the order of their numbers, makes that durable, and clears the word that would make a torn slot whole again.
import { Batch } from "../../../mod.ts";
import { bytes, DRAINS, EVERY, FLUSHES, integer, LINES, protocol, words } from "../protocol.ts";

const SEED = 0x5eed, SLOT_BYTES = 128, DATA = 4096;

export const commitSlots = protocol({
  name: "commit-slots",
  size: DATA + 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { put: [[0, 5, 1, 6], [1, 8]] },
  longer: [[["put", [0, 5, 1, 6]], ["put", [2, 7]], ["put", [2, 8]]]],
  further: [["put", [2, 9]]],
  init: () => [0, 0, 0],
  means: {
    put(state, pairs: number[]) {
      for (let i = 0; i < pairs.length; i += 2) state[pairs[i]!] = pairs[i + 1]!;
    },
  },
  open(m, bug) {
    const cell = (i: number) => words(m, DATA + 64 * i, 1);
    const found: { number: number; encoded: Uint8Array }[] = [];
    for (const slot of [0, SLOT_BYTES]) {
      const length = m.recordLength(slot, slot + SLOT_BYTES, SEED);
      if (length >= 0) {
        found.push({ number: m.view(Uint32Array, slot, 4)[2]!, encoded: bytes(m, slot + 16, length) });
      } else if (bug !== "torn slot not cleared" && integer(m, slot) !== 0) m.store64(slot, 0);
    }
    if (bug !== "replayed as they lie") found.sort((a, b) => a.number - b.number);
    let number = 0;
    for (const one of bug === "only the newest replayed" ? found.slice(-1) : found) {
      for (const { byteOffset, bytes } of Batch.entries(one.encoded)) {
        m.write(byteOffset, bytes, { nontemporal: false, drain: false });
      }
      number = Math.max(number, one.number);
    }
    if (bug !== "recovery does not drain") m.drain();
    const batches = [m.batch(64), m.batch(64)];
    let previous: Batch | undefined;
    return {
      does: {
        put(pairs: number[]) {
          number++;
          const batch = batches[bug === "one batch for both" ? 0 : number % 2]!;
          batch.clear();
          for (let i = 0; i < pairs.length; i += 2) {
            const value = new Float64Array([pairs[i + 1]!]);
            batch.write(DATA + 64 * pairs[i]!, new Uint8Array(value.buffer));
            if (bug === "applied first") m.write(DATA + 64 * pairs[i]!, value);
          }
          const slot = bug === "one slot" ? 0 : SLOT_BYTES * (number % 2);
          const low = bug === "not numbered" ? 0 : number;
          m.commit(slot, batch, low, 0, SEED, bug === "previous forgotten" ? undefined : previous);
          previous = batch;
        },
      },
      look: () => [0, 1, 2].map((i) => cell(i)[0]!),
    };
  },
  bugs: {
    "torn slot not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [128],
      later: true,
    },
    "replayed as they lie": {
      kind: "recovery in the wrong order",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "only the newest replayed": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [4096],
    },
    "recovery does not drain": {
      kind: "recovery forgets a flush",
      models: DRAINS,
      fails: ["lost", "torn", "not-durable"],
      loses: [4096],
      later: true,
    },
    "one batch for both": {
      kind: "wrong line flushed",
      models: LINES,
      fails: ["lost", "torn"],
      loses: [4160],
    },
    "applied first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "one slot": { kind: "reused too early", models: EVERY, fails: ["lost", "torn"], loses: [0, 4160] },
    "not numbered": {
      kind: "recovery in the wrong order",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "previous forgotten": { kind: "flush dropped", models: FLUSHES, fails: ["lost", "torn"], loses: [4160] },
  },
});
