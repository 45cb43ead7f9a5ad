// No crash tears or loses a transaction: every short sequence of operations, and one test for each hazard that was thought of.
// machines: none, what it looks at are simulated crashes

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { test } from "node:test";
import { crash, type Model, type Region } from "../../src/testing/mod.ts";
import { readHeader } from "../../src/transaction/header.ts";
import { isOwn } from "../helpers/child.ts";
import { slotOffset } from "../../src/transaction/layout.ts";
import { openPool } from "../../src/transaction/mod.ts";
import {
  lasting,
  lookedAt,
  names,
  reference,
  sequencesOf,
  setup,
  size,
  sizes,
  Subject,
  testOf,
  text,
} from "./subject.ts";

const models: readonly Model[] = ["px86", "sector", "word", "eadr"];

/** Tries every crash of a sequence. */
async function survives(sequence: readonly string[], model: Model, nested: number): Promise<number> {
  const report = await crash({ ...testOf(sequence), model, nested });
  assertEquals([report.complete, report.approximate], [true, false], sequence.join(", "));
  return report.images;
}

// Of many sequences each runtime tries every second one
for (const [which, model] of models.entries()) {
  test(`each operation survives every crash, also one within recovery, ${model}`, async () => {
    let images = 0;
    for (const [index, name] of names.entries()) {
      if (isOwn(index + which)) images += await survives([name], model, 1);
    }
    assertGreater(images, 500);
  });
}

// Of one transaction after another, of direct writes and of ends: what remains of the domain differs only in what it writes. All of it,
// every three operations with crashes within recovery, is in the slower group: tests/corpus/transaction_test.ts
const pairs = ["lines", "large", "direct", "reopen"];
for (const model of ["px86", "sector"] as const) {
  test(`every two operations survive every crash, also one within recovery, ${model}`, async () => {
    for (const [index, sequence] of [...sequencesOf(pairs, 2)].entries()) {
      if (isOwn(index)) await survives(sequence, model, 1);
    }
  });
}

const triples = ["word", "overlap", "large", "direct", "reopen"];
for (const model of ["px86", "sector"] as const) {
  test(`every three operations survive every crash, ${model}`, async () => {
    for (const [index, sequence] of [...sequencesOf(triples, 3)].entries()) {
      if (sequence.length === 3 && isOwn(index)) await survives(sequence, model, 0);
    }
  });
}

/** Stands for a process that is killed: nothing after it happens. */
class Killed extends Error {}

/** A region in which one call of a method, counted from 0, is where the process is killed: what was stored stays in the caches. */
function killedAt(region: Region, method: keyof Region, call: number): Region {
  return new Proxy(region, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === "close") return () => {};
      return (...parameters: unknown[]) => {
        if (name !== method || call-- > 0) return value.apply(target, parameters);
        // All that a commit or a record does before its fence
        if (name === "commit") {
          const [byteOffset, batch, low, high, seed] = parameters as Parameters<Region["commit"]>;
          target.writeRecord(byteOffset, batch.bytes, low, high, seed, { drain: false });
        } else if (name === "writeRecord") {
          const [byteOffset, source, low, high, seed] = parameters as Parameters<Region["writeRecord"]>;
          target.writeRecord(byteOffset, source, low, high, seed, { drain: false });
        }
        throw new Killed();
      };
    },
  });
}

for (const model of ["px86", "sector"] as const) {
  for (
    const [what, method, call, doomed] of [
      ["a commit", "commit", 1, "word"],
      ["the overflow record of a large commit", "writeRecord", 1, "large"],
      ["the record of a large commit", "writeRecord", 2, "large"],
      ["the record that settles", "writeRecord", 1, "direct"],
    ] as const
  ) {
    test(`${what} is cut off by a kill, a new process goes on, then the power fails, ${model}`, async () => {
      const report = await crash({
        ...testOf([]),
        model,
        workload: async (m, t) => {
          const first = new Subject(killedAt(m, method, call));
          await t.op("word", 0, () => first.does({ name: "word", arg: 0 }));
          // What the killed process had not finished may be there or not, and must not change its mind: the next process sees it
          await t.op("doomed", doomed, () => {
            try {
              first.does({ name: doomed, arg: 16 });
            } catch (error) {
              if (!(error instanceof Killed)) throw error;
            }
            m.defer(undefined);
            seen = new Subject(m).look();
          });
          const second = new Subject(m);
          await t.op("direct", 32, () => second.does({ name: "direct", arg: 32 }));
          await t.op("lines", 48, () => second.does({ name: "lines", arg: 48 }));
        },
        reference: {
          ...reference,
          apply: (state, operation) => operation.name === "doomed" ? seen : reference.apply(state, operation),
        },
      });
      assertEquals(report.complete, true);
    });
  }
}
for (const model of ["px86", "sector"] as const) {
  test(`a pool whose maker was killed before it was written back is there or is made again, ${model}`, async () => {
    const options = { create: true, layout: "a", ...sizes };
    const report = await crash({
      ...testOf([]),
      model,
      nested: 1,
      setup: () => {},
      workload: async (m, t) => {
        // Everything is stored; the first of what the opening writes back is not
        assertThrows(() => openPool(killedAt(m, "persist", 1), options), Killed);
        await t.op("word", 0, () => {
          openPool(lasting(m), options);
          new Subject(m).does({ name: "word", arg: 0 });
        });
      },
      recover: (m) => {
        openPool(lasting(m), options);
        return new Subject(m);
      },
    });
    assertEquals(report.complete, true);
  });

  test(`numbers of commits that pass 2^32 survive every crash, ${model}`, async () => {
    const near = (m: Region) => {
      setup(m);
      const { geometry, seed } = readHeader(m, false);
      m.writeRecord(slotOffset(geometry, 0), new Uint8Array(0), 2 ** 32 - 3, 0, seed);
      m.fill(slotOffset(geometry, 1), 16);
    };
    for (
      const sequence of [["word", "lines", "again", "line"], ["large", "direct"], ["word", "reopen", "lines"]]
    ) {
      const report = await crash({ ...testOf(sequence), setup: near, model, nested: 1 });
      assertEquals(report.complete, true, sequence.join());
    }
  });
}

/** What the process after the killed one found. */
let seen = "";

test("a slot that is being overwritten, some of whose old records are still intact, is not replayed", async () => {
  // The second slot begins with the record of the open; the first then holds the second and the third, the second one the next two
  for (const model of models) await survives(["far", "word", "again", "far", "far", "lines"], model, 0);
});

test("a direct write that was persisted stays, before, between and after transactions to the same bytes", async () => {
  for (
    const sequence of [["word", "direct"], ["direct", "word"], ["word", "direct", "word"], [
      "large",
      "direct",
    ], ["line", "directly"]]
  ) {
    for (const model of models) await survives(sequence, model, 1);
  }
});

test("every way to make bytes durable settles what was committed before", async () => {
  // All of them leave the same eight bytes, in one store
  const word = 0x0f0f_0f0f_0f0f_0f0fn, after = text(new Uint8Array(8).fill(15));
  const store = (m: Region, at: number) => void (m.view(BigUint64Array, at, 1)[0] = word);
  const ways: Record<string, (m: Region, at: number) => void | Promise<void>> = {
    persist: (m, at) => (store(m, at), m.persist(at, 8)),
    flush: (m, at) => (store(m, at), m.flush(at, 8), m.drain()),
    deepFlush: (m, at) => (store(m, at), m.deepFlush(at, 8)),
    sync: (m, at) => (store(m, at), m.sync()),
    write: (m, at) => m.write(at, new Uint8Array(8).fill(15)),
    fill: (m, at) => m.fill(at, 8, 15),
    store64: (m, at) => m.store64(at, word),
  };
  for (const [name, way] of Object.entries(ways)) {
    for (const model of ["px86", "sector"] as const) {
      const report = await crash({
        ...testOf([]),
        model,
        workload: async (m, t) => {
          const subject = new Subject(m), { file, dataOffset } = subject.pool;
          await t.op("word", 0, () => subject.does({ name: "word", arg: 0 }));
          await t.op(name, undefined, () => way(file, dataOffset));
        },
        reference: {
          ...reference,
          apply: (state, operation) => operation.name === "word" ? reference.apply(state, operation) : after,
        },
      });
      assertEquals(report.complete, true, name);
    }
  }
});

test("a pool that is being made is no pool, or whole", async () => {
  for (const model of models) {
    const report = await crash({
      size,
      model,
      nested: 1,
      workload: (m, t) =>
        t.op("make", undefined, () => void openPool(lasting(m), { create: true, layout: "a", ...sizes })),
      recover: (m) => openPool(lasting(m), { create: true, layout: "a", ...sizes }),
      observe: (pool) => [pool.layout, pool.transaction((tx) => text(tx.read(0, pool.dataLength)))],
      reference: { init: () => ["a", ""], apply: (state) => state },
      further: (pool, t) => t.op("make", undefined, () => pool.transaction(() => {})),
    });
    assertEquals(report.complete, true);
  }
});

test("a creation that a crash cut off is done again, with another layout and other sizes", async () => {
  const made = { create: true, layout: "a", ...sizes };
  const again = { create: true, slotBytes: 128, overflowBytes: 256, identity: 2 };
  for (const model of models) {
    const report = await crash({
      size,
      model,
      nested: 1,
      workload: (m, t) => t.op("make", undefined, () => void openPool(lasting(m), made)),
      recover: (m) => openPool(lasting(m), again),
      observe: (pool) => [pool.layout, pool.transaction((tx) => text(tx.read(0, pool.dataLength)))],
      reference: { init: () => ["", ""], apply: (state, { name }) => name === "make" ? ["a", ""] : state },
      further: (pool, t) => t.op("nothing", undefined, () => pool.transaction(() => {})),
    });
    assertEquals(report.complete, true);
    assertGreater(report.nestedCrashPoints, 0);
  }
});

test("an open that only reads, after a crash, shows what a recovery would, and stores nothing", async () => {
  for (const model of models) {
    const base = testOf(["lines", "word"]);
    const report = await crash({
      ...base,
      model,
      recover: (m) => {
        const before = readOnly(m);
        return [openPool(before).transaction((tx) => text(tx.read(0, 80))), new Subject(m).look()];
      },
      observe: ([read, written]) => {
        assertEquals(read, written);
        return written!;
      },
      reference,
      further: undefined as never,
    });
    assertEquals(report.complete, true);
  }
});

/** A region that is open to be read: its views are of copies, and every store into the region itself is an error. */
function readOnly(region: Region): Region {
  const copy = new Uint8Array(region.size);
  for (const [start, end] of [[0, 1024], [4096, 4096 + lookedAt]] as const) {
    copy.set(region.view(Uint8Array, start, end - start).slice(), start);
  }
  return new Proxy(region, {
    get(target, name) {
      if (name === "readOnly") return true;
      if (name === "view") {
        return (
          type: new (buffer: ArrayBuffer, at: number, length?: number) => ArrayBufferView,
          at: number,
          length: number,
        ) => new type(copy.buffer, at, length);
      }
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (["recordLength", "batch"].includes(String(name))) return value.bind(target);
      return () => {
        throw new Error(`${String(name)} of a region that is open to be read`);
      };
    },
  });
}
