// A few quick crash tests of a pool, against which the mutation score (tests/mutants) runs every weakened flush of src/transaction.

import { CorruptionError } from "../../mod.ts";
import type { Model, Region } from "../../src/testing/mod.ts";
import { readHeader } from "../../src/transaction/header.ts";
import { openPool } from "../../src/transaction/mod.ts";
import { readSlots } from "../../src/transaction/slots.ts";
import type { Scenarios } from "../mutants/structures.ts";
import { lasting, sizes, Subject, testOf, type Write, writes } from "./subject.ts";

const sequences = [
  ["word", "lines", "overlap"],
  ["crossing", "direct"],
  ["line", "large", "word"],
  ["lines", "reopen", "again"],
];

function* everyTest(): Iterable<[name: string, model: Model, options: Scenarios[string]]> {
  for (const model of ["px86", "sector"] as const) {
    for (const sequence of sequences) yield [sequence.join(", "), model, testOf(sequence)];
    yield ["created", model, created()];
    yield ["staged in all ways", model, staged()];
    yield ["closed", model, closed()];
    for (const name of ["word", "lines", "large"]) yield [`killed amid ${name}`, model, killed(name)];
  }
  // A processor that keeps no order within a line must find the header before the magic too
  yield ["created", "word", created()];
}

/** Crashes within crashes, and what is done after them, are for crash_test.ts. */
export const scenarios: Scenarios = Object.fromEntries(
  Array.from(
    everyTest(),
    (
      [name, model, { further: _, ...options }],
    ) => [`${name}, ${model}`, { ...options, model, nested: 0 }],
  ),
);

/** A pool that is made while the power may fail: there is an empty one afterwards, or none. */
function created(): Scenarios[string] {
  // As long as it may be, and most of it zeros: each word that changes doubles what a crash can leave
  const layout = "n".padStart(128, "\0");
  const make = (m: Region) => openPool(lasting(m), { create: true, layout, ...sizes });
  return {
    ...testOf([]),
    setup: () => {},
    workload: async (m, t) => {
      // Not opened again: that would make durable what was not
      let pool: ReturnType<typeof openPool>;
      await t.op("nothing", 0, () => void (pool = make(m)));
      await t.op("word", 0, () => pool.transaction((tx) => tx.setUint32(0, 1)));
    },
    recover: (m) => {
      make(m);
      return new Subject(m);
    },
  };
}

/** What the subject's transactions do not use: a value across two cache lines, and bytes. */
function staged(): Scenarios[string] {
  return {
    ...testOf([]),
    workload: async (m, t) => {
      const { pool } = new Subject(m),
        [[across, value], [start, byte]] = writes["crossing"]! as [Write, Write];
      await t.op("crossing", 0, () =>
        pool.transaction((tx) => {
          tx.setBigUint64(across, BigInt(value));
          tx.write(start, new Uint8Array([byte, 0, 0, 0, 0, 0, 0, 0]));
        }));
    },
  };
}

/** A pool that was closed, of which the medium then loses the newest record: that is noticed. */
function closed(): Scenarios[string] {
  return {
    ...testOf([]),
    workload: async (m, t) => {
      await t.op("close", 0, () => {
        const subject = new Subject(m);
        subject.does({ name: "word", arg: 0 });
        subject.pool.close();
      });
    },
    recover: (m) => {
      const isLost = m.view(Uint8Array, m.size - 1, 1);
      try {
        if (isLost[0] === 0) {
          const { records, side } = readSlots(m, readHeader(m, false));
          m.fill(records[side].at(-1)!.byteOffset, 16);
          m.fill(m.size - 1, 1, 1);
        }
        openPool(lasting(m));
        return "taken";
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        return "refused";
      }
    },
    observe: (found: string) => found,
    // Until it is closed, the newest record may be one that nobody was told of
    reference: { init: "refused", apply: () => "refused", partial: () => ["taken"] },
  };
}

/** A pool whose process is killed amid an operation, and with no power cut opened again: what it shows then must last. */
function killed(name: string): Scenarios[string] {
  return {
    ...testOf([]),
    workload: async (m, t) => {
      const subject = new Subject(m);
      await t.op("line", 0, () => subject.does({ name: "line", arg: 0 }));
      await t.op(name, 16, () => {
        // A large one is there with its second record
        killedAmid(m, name === "large" ? 2 : 1, () => subject.does({ name, arg: 16 }));
        subject.does({ name: "reopen", arg: 0 });
        subject.look();
      });
      await t.op("word", 32, () => subject.does({ name: "word", arg: 32 }));
    },
  };
}

/** Ends an operation before the last of its records is written back: that is in the caches. */
function killedAmid(m: Region, records: number, body: () => void): void {
  const killed = new Error("killed"), { writeRecord, commit } = m;
  let before = records - 1;
  const store = (at: number, payload: Uint8Array, low: number, high: number, seed: number) => {
    if (before-- > 0) return writeRecord.call(m, at, payload, low, high, seed);
    const frame = m.view(DataView, at, 16);
    m.view(Uint8Array, at + 16, payload.length).set(payload);
    for (const [offset, word] of [[0, payload.length], [8, low], [12, high]] as const) {
      frame.setUint32(offset, word, true);
    }
    const head = m.checksum(at, 4, m.checksum(at + 8, 8, seed));
    frame.setUint32(4, m.checksum(at + 16, payload.length, head), true);
    throw killed;
  };
  Object.assign(m, {
    writeRecord: store,
    commit: (...[at, batch, low, high, seed]: Parameters<Region["commit"]>) =>
      store(at, batch.bytes, low, high, seed),
  });
  try {
    body();
  } catch (error) {
    if (error !== killed) throw error;
  } finally {
    Object.assign(m, { writeRecord, commit });
  }
}
