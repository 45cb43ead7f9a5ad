// What a log with one fence could get wrong, one by one: each of these fails if the protection against it is taken out.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { readHeader } from "../../src/log/header.ts";
import { openLog } from "../../src/log/mod.ts";
import { readSlot } from "../../src/log/state.ts";
import { crash, type Model, type Operation, record, type Region } from "../../src/testing/mod.ts";
import {
  bytesOf,
  contents,
  create,
  does,
  identity,
  lose,
  type Opened,
  placeOf,
  referenceFrom,
  sizeBytes,
  testOf,
} from "./subject.ts";

const models: readonly Model[] = ["px86", "sector", "eadr"];
const a = bytesOf(3, 1), b = bytesOf(8, 2), c = bytesOf(5, 3);
const reference = referenceFrom(0);
const append = (arg: number[]): Operation => ({ name: "append", arg });
const timeout = 180_000;

/** A region in which the process is killed at the n-th call of a method: the call does nothing, or stores and waits for nothing. */
function killedAt(m: Region, method: "persist" | "writeRecord" | "flush", n: number): Region {
  return new Proxy(m, {
    get(_, key) {
      const value = Reflect.get(m, key, m);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        if (key !== method || n-- > 0) return value.apply(m, parameters);
        if (method === "writeRecord") {
          value.apply(m, [...parameters.slice(0, 5), { drain: false, nontemporal: false }]);
        }
        throw new Error("killed");
      };
    },
  });
}

for (const model of models) {
  test(`a record that a recovery dropped does not come back, ${model}`, { timeout }, async () => {
    // The first of a batch is lost, the second is there; then the very bytes of the first are appended again
    const setup = (m: Region) => {
      create(m);
      openLog(m).appendAll([a, b].map((bytes) => new Uint8Array(bytes)));
      lose(m, placeOf([]));
    };
    for (const sequence of [[], [append(a)], [append(a), append(b)]]) {
      const report = await crash(testOf(sequence, model, [append(a)], { setup }));
      assertEquals(report.complete, true);
    }
  });

  test(`nor does it after a clear, when a new record brings the next one to where it lies, ${model}`, {
    timeout,
  }, async () => {
    const setup = (m: Region) => {
      create(m);
      const log = openLog(m);
      log.append(new Uint8Array(24));
      log.appendAll([a, b].map((bytes) => new Uint8Array(bytes)));
      lose(m, placeOf([24]));
    };
    // Record 2 lies behind one of 24 bytes and one of 3; after the clear, record 1 is as long as both with a frame between
    const long = bytesOf(48, 7);
    assertEquals(placeOf([24, 3]), placeOf([48]));
    const report = await crash({
      ...testOf([{ name: "clear", arg: undefined }, append(long)], model, [append(b)], { setup }),
      reference: { ...reference, init: () => ({ next: 1, records: [[...new Uint8Array(24)]] }) },
    });
    assertEquals(report.complete, true);
  });

  test(`nor does it after a session that died twice, ${model}`, { timeout }, async () => {
    const setup = (m: Region) => {
      create(m);
      for (let session = 0; session < 2; session++) {
        openLog(m).appendAll([a, b, c].map((bytes) => new Uint8Array(bytes)));
        lose(m, placeOf([]));
      }
    };
    const report = await crash(
      testOf([append(a), { name: "clear", arg: undefined }, append(a)], model, [append(a)], { setup }),
    );
    assertEquals(report.complete, true);
  });

  test(`what was shown after a process was killed amid an append survives the next power cut, ${model}`, {
    timeout,
  }, async () => {
    const report = await crash({
      ...testOf([], model, [append(a)]),
      workload: async (m, t) => {
        await t.op("append", a, () => openLog(m).append(new Uint8Array(a)));
        await t.op("append", b, () => {
          // On page granularity the record comes with the second copy of the state, in the second msync of the session
          const killed = model === "sector" ? killedAt(m, "persist", 1) : killedAt(m, "writeRecord", 0);
          assertThrows(() => openLog(killed).append(new Uint8Array(b)), Error, "killed");
          // Nothing was lost with the process: the record is there, and is acknowledged by being shown
          assertEquals(openLog(m).length, 2);
        });
      },
    });
    assertEquals(report.complete, true);
  });

  test(
    `a state left in the caches by a killed process is not overwritten by the next, ${model}`,
    { timeout },
    async () => {
      const report = await crash({
        ...testOf([], model, [append(a)]),
        workload: async (m, t) => {
          assertThrows(() => openLog(killedAt(m, "persist", 0)).append(new Uint8Array(a)), Error, "killed");
          await t.op("append", b, () => openLog(m).append(new Uint8Array(b)));
        },
      });
      assertEquals(report.complete, true);
    },
  );

  test(
    `an epoch and a clear lie in both slots once they are acknowledged, ${model}`,
    { timeout },
    async () => {
      interface Seen {
        length: number;
        agree: boolean;
      }
      const report = await crash({
        size: sizeBytes,
        model,
        setup: create,
        workload: async (m, t) => {
          const log = openLog(m);
          await t.op("append", 1, () => log.append(new Uint8Array(a)));
          await t.op("clear", 0, () => log.clear());
          await t.op("append", 1, () => log.append(new Uint8Array(b)));
          await t.op("nothing", 1, () => {});
        },
        recover: (m) => m,
        observe: (m): Seen => {
          const frames = readHeader(m, false),
            [even, odd] = ([0, 1] as const).map((index) => readSlot(frames, index));
          const agree = even?.epoch === odd?.epoch && even?.base === odd?.base && even !== undefined;
          return { length: openLog(m).length, agree };
        },
        reference: {
          init: (): Seen => ({ length: 0, agree: true }),
          apply: (_, { arg }) => ({ length: arg as number, agree: true }),
          *partial({ length }, { name, arg }) {
            if (name !== "nothing") {
              yield* [{ length, agree: false }, { length: arg as number, agree: false }];
            }
          },
        },
      });
      assertEquals(report.complete, true);
    },
  );

  test(`a log that is being made is there or is made again, ${model}`, { timeout }, async () => {
    const options = { create: true, identity };
    const test = testOf([], model, [append(a)], { setup: () => {} });
    const report = await crash({
      ...test,
      workload: async (m, t) => {
        // Everything is stored, and what is last not written back
        assertThrows(() => openLog(killedAt(m, "flush", 0), options), Error, "killed");
        const log: Opened = { region: m, log: openLog(m, options) };
        await t.op("append", a, () => does(log, append(a)));
      },
      // Another identity, as a random one is: nothing of an attempt that did not end may be taken for the next one's
      recover: (m) => ({ region: m, log: openLog(m, { create: true, identity: identity + 1 }) }),
    });
    assertEquals(report.complete, true);
  });

  test(
    `a reader at any moment sees whole records in order and changes nothing, ${model}`,
    { timeout },
    async () => {
      const sequence = [
        append(a),
        { name: "appendAll", arg: [b, c] },
        { name: "clear", arg: undefined },
        append(c),
      ];
      const report = await crash({
        ...testOf(sequence, model, []),
        recover: (m) => ({ region: m, log: openLog(readable(m), { readOnly: true }) }),
        observe: ({ log }) => contents(log).records,
        // A reader is not told the number of the record to come
        reference: {
          init: () => [] as number[][],
          apply: (records, operation) => reference.apply({ next: 0, records }, operation)!.records,
          *partial(records, operation) {
            for (const state of reference.partial!({ next: 0, records }, operation)) yield state.records;
          },
        },
        further: () => {},
      });
      assertEquals([report.complete, report.nestedCrashPoints], [true, 0]);
    },
  );
}

/** A region that says it may only be read. */
function readable(m: Region): Region {
  return new Proxy(m, {
    get(_, key) {
      const value = key === "readOnly" ? true : Reflect.get(m, key, m);
      return typeof value === "function" ? value.bind(m) : value;
    },
  });
}

test("to open a log after a crash, to read it and to close it stores nothing", async () => {
  const trace = await record({
    size: sizeBytes,
    setup: (m) => {
      create(m);
      openLog(m).appendAll([a, b, c].map((bytes) => new Uint8Array(bytes)));
      lose(m, placeOf([3]));
    },
    workload: (m) => {
      const log = openLog(m);
      assertEquals([...log].map(({ bytes }) => [...bytes]), [a]);
      log.close();
    },
  });
  assertEquals(trace.events.filter(({ kind }) => kind === "store"), []);
});
