// Journalled batches in two slots, and direct writes between them. A direct write must not be undone by a slot that is applied again: so what
// the last batch changed is made durable first, then both slots are retired, the older one before the newer.
import { Batch } from "../../../mod.ts";
import { bytes, DRAINS, EVERY, FLUSHES, integer, protocol } from "../protocol.ts";

const SEED = 5, SLOT_BYTES = 128, DATA = 4096;

export const commitThenWrite = protocol({
  name: "commit-then-write",
  size: DATA + 128,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { put: [[0, 5], [1, 6]], set: [[0, 7]] },
  longer: [[["put", [0, 5]], ["put", [0, 6]], ["set", [1, 7]]], [["put", [0, 5]], ["set", [0, 6]], ["put", [
    1,
    7,
  ]]]],
  further: [["set", [0, 3]], ["put", [1, 4]]],
  init: () => [0, 0],
  means: {
    put: (state, [i, value]: [number, number]) => void (state[i] = value),
    set: (state, [i, value]: [number, number]) => void (state[i] = value),
  },
  open(m, bug) {
    const at = (i: number) => DATA + 64 * i, slotOf = (n: number) => SLOT_BYTES * (n % 2);
    let number = 0;
    const found: { number: number; slot: number }[] = [];
    for (const slot of [0, SLOT_BYTES]) {
      if (m.recordLength(slot, slot + SLOT_BYTES, SEED) >= 0) {
        found.push({ number: m.view(Uint32Array, slot, 4)[2]!, slot });
      } else if (integer(m, slot) !== 0) m.store64(slot, 0);
    }
    found.sort((a, b) => a.number - b.number);
    for (const one of found) {
      const encoded = bytes(m, one.slot + 16, m.view(Uint32Array, one.slot, 1)[0]!);
      for (const entry of Batch.entries(encoded)) {
        m.view(Uint8Array, entry.byteOffset, entry.bytes.length).set(entry.bytes);
        if (bug !== "recovery does not flush") m.flush(entry.byteOffset, entry.bytes.length);
      }
      number = one.number;
    }
    m.drain();
    const batches = [m.batch(16), m.batch(16)];
    let previous: Batch | undefined;
    const retire = (slot: number) => {
      if (integer(m, slot) === 0) return;
      if (bug === "retired without a fence") m.write(slot, new Uint8Array(8), { drain: false });
      else m.store64(slot, 0);
    };
    return {
      does: {
        put([i, value]: [number, number]) {
          number++;
          const batch = batches[number % 2]!;
          batch.clear();
          batch.write(at(i), new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
          m.commit(slotOf(number), batch, number, 0, SEED, previous);
          previous = batch;
        },
        set([i, value]: [number, number]) {
          if (previous && bug !== "changed cell not flushed") {
            for (const { byteOffset } of Batch.entries(previous.bytes)) m.persist(byteOffset, 8);
          }
          const slots = [slotOf(number + 1), slotOf(number)];
          if (bug === "newer retired first") slots.reverse();
          if (bug === "only the newer retired") slots.shift();
          if (bug === "only the older retired") slots.pop();
          slots.forEach(retire);
          previous = undefined;
          m.store64(at(i), value);
        },
      },
      look: () => [0, 1].map((i) => integer(m, at(i))),
    };
  },
  bugs: {
    "recovery does not flush": {
      kind: "recovery forgets a flush",
      models: FLUSHES,
      fails: ["lost", "torn", "not-durable"],
      loses: [4096],
      later: true,
    },
    "retired without a fence": {
      kind: "drain dropped",
      models: DRAINS,
      fails: ["lost", "torn"],
      loses: [128],
    },
    "changed cell not flushed": {
      kind: "flush dropped",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [4096],
    },
    "newer retired first": {
      kind: "recovery in the wrong order",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "only the newer retired": {
      kind: "stale generation accepted",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "only the older retired": {
      kind: "stale generation accepted",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
  },
});
