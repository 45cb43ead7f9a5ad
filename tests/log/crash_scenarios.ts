// A few quick crash tests of a log, against which the mutation score (tests/mutants) runs every weakened flush of src/log.

import { Frames } from "../../src/log/frames.ts";
import { openLog } from "../../src/log/mod.ts";
import type { Model, Operation, Region } from "../../src/testing/mod.ts";
import type { Scenarios } from "../mutants/structures.ts";
import {
  bytesOf,
  contents,
  does,
  identity,
  type Opened,
  referenceFrom,
  sizeBytes,
  testOf,
} from "./subject.ts";

const append = { name: "append", arg: bytesOf(24, 3) }, small = { name: "append", arg: bytesOf(3, 1) };
const batch = { name: "appendAll", arg: [[], bytesOf(17, 5)] };
const clear = { name: "clear", arg: undefined }, reopen = { name: "reopen", arg: undefined };

function* everyTest(): Iterable<[name: string, model: Model, options: Scenarios[string]]> {
  for (const model of ["px86", "sector"] as const) {
    yield ["appends", model, testOf([small, append, small], model, [])];
    yield ["batch", model, testOf([small, batch], model, [])];
    yield ["cleared", model, testOf([append, clear, small], model, [])];
    yield ["reopened", model, testOf([append, reopen, small, reopen], model, [])];
    yield ["created", model, created()];
    yield ["killed amid an append", model, killed(model, append)];
    yield ["killed amid clear", model, killed(model, clear)];
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

/** A log that is made while the power may fail: there is an empty one afterwards, or none. */
function created(): Scenarios[string] {
  const make = (m: Region) => openLog(m, { create: true, identity });
  return {
    size: sizeBytes,
    workload: async (m, t) => {
      let log: ReturnType<typeof openLog>;
      await t.op("create", undefined, () => void (log = make(m)));
      await t.op("append", bytesOf(3, 1), () => log.append(new Uint8Array(bytesOf(3, 1))));
    },
    recover: (m) => ({ region: m, log: make(m) }),
    observe: ({ log }: Opened) => contents(log),
    reference: {
      init: { next: 0, records: [] },
      apply: (state, operation) =>
        referenceFrom(0).apply(state, operation.name === "create" ? reopen : operation),
    },
  };
}

/** A log whose process is killed amid an operation, and with no power cut opened again: what it shows then must last. */
function killed(model: Model, operation: Operation): Scenarios[string] {
  return {
    ...testOf([], model, []),
    workload: async (m, t) => {
      const log = { region: m, log: openLog(m) };
      await t.op(small.name, small.arg, () => does(log, small));
      await t.op(operation.name, operation.arg, () => {
        killedAmid(m, () => does(log, operation));
        log.log = openLog(m);
        contents(log.log);
      });
      await t.op(small.name, small.arg, () => does(log, small));
    },
  };
}

/** Ends an operation before it starts to write anything back: its stores are in the caches. */
function killedAmid(m: Region, body: () => void): void {
  const killed = new Error("killed"), frames = new Frames(m, { mask: 0, seed: 0 });
  const end = () => {
    throw killed;
  };
  const { writeRecord, persist } = m;
  Object.assign(m, {
    persist: end,
    writeRecord: (...[at, payload, low, high, seed]: Parameters<Region["writeRecord"]>) => {
      frames.store(at, payload, low, high, seed);
      end();
    },
  });
  try {
    body();
  } catch (error) {
    if (error !== killed) throw error;
  } finally {
    Object.assign(m, { writeRecord, persist });
  }
}
