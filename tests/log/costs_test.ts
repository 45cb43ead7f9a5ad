// What the operations of a log cost: msyncs, fences, native calls, and what an open has to read.
// machines: ext4 virtio-pmem disk

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { open } from "../../mod.ts";
import { readHeader } from "../../src/log/header.ts";
import { openLog, type PersistentLog } from "../../src/log/mod.ts";
import { readState } from "../../src/log/state.ts";
import { type Model, record } from "../../src/testing/mod.ts";
import { withNative } from "../helpers/native.ts";
import { medium, memory } from "../helpers/places.ts";
import { create, sizeBytes } from "./subject.ts";

const text = (value: string) => new TextEncoder().encode(value);
const MiB = 1 << 20;

test("a million records: found again by their checkpoint, and what is free is known", () => {
  using place = memory();
  const path = place.path(), record = new Uint8Array(8);
  let calls = 0;
  {
    using log = openLog(path, { create: true, size: 32 * MiB, lock: "none" });
    for (let i = 0; i < 1_000_000; i++) log.append(record);
    withNative(
      (real) => ({
        daxfile1_record_length: (...parameters) => (calls++, real.daxfile1_record_length(...parameters)),
      }),
      () => {
        using again = openLog(path, { lock: "none" });
        assertEquals([again.length, again.freeBytes], [1_000_000, log.freeBytes]);
      },
    );
  }
  assert(calls < 65536 / 24 + 16, `${calls} records were looked at`);
});

/** The msyncs or fences of each operation, as the recorded region counts them; and stores of the state beside. */
async function costs(
  model: Model,
  size: number,
  workload: (
    log: PersistentLog,
    op: (name: string, body: () => unknown) => Promise<unknown>,
  ) => Promise<void>,
) {
  const { events } = await record({
    size,
    model,
    setup: create,
    workload: async (m, t) => await workload(openLog(m), (name, body) => t.op(name, undefined, body)),
  });
  const found: [name: string, count: number][] = [];
  for (const event of events) {
    if (event.kind === "begin") found.push([event.name, 0]);
    else if (event.kind === (model === "sector" ? "flush" : "drain") && found.length > 0) found.at(-1)![1]++;
  }
  return found;
}

for (const [model, first] of [["px86", 2], ["eadr", 2], ["sector", 2]] as const) {
  test(`one ${model === "sector" ? "msync" : "fence"} an append, and one an appendAll, checkpoints included, ${model}`, async () => {
    const found = await costs(model, sizeBytes, async (log, op) => {
      for (let i = 0; i < 12; i++) await op("append", () => log.append(new Uint8Array(5)));
      await op("append", () => log.append(new Uint8Array(100)));
      await op("appendAll", () => log.appendAll([text("a"), text("b"), text("c")]));
      await op("clear", () => log.clear());
      await op("append", () => log.append(text("again")));
      await op("appendAll", () => log.appendAll([]));
      await op("close", () => log.close());
    });
    // The first of a session makes the new epoch durable before any record of it
    assertEquals(found.shift(), ["append", first]);
    const others = Object.entries(Object.groupBy(found, ([name, count]) => `${name} ${count}`)).map(([key]) =>
      key
    );
    assertEquals(others.sort(), ["append 1", "appendAll 0", "appendAll 1", "clear 2", "close 1"]);
  });
}

test("fences, or msyncs: 1 to open a log, 2 more to make one", async () => {
  const made = { create: true, identity: 1 };
  for (const model of ["px86", "sector"] as const) {
    const drains = async (setup: typeof create, options: Parameters<typeof openLog>[1]) =>
      (await record({ size: sizeBytes, model, setup, workload: (m) => void openLog(m, options) })).events
        .filter(({ kind }) => kind === "drain").length;
    assertEquals([await drains(create, {}), await drains(() => {}, made)], [1, 3], model);
  }
});

test("on a disk as in the simulation: one native call with msync an append", () => {
  using place = medium();
  const counts = { record: 0, persist: 0, flush: 0 };
  withNative((real) => ({
    daxfile1_record: (...parameters) => (counts.record++, real.daxfile1_record(...parameters)),
    daxfile1_persist: (...parameters) => (counts.persist++, real.daxfile1_persist(...parameters)),
    daxfile1_flush: (...parameters) => (counts.flush++, real.daxfile1_flush(...parameters)),
  }), () => {
    using log = openLog(place.path(), { create: true, size: MiB, forceGranularity: "page" });
    log.append(text("one"));
    Object.assign(counts, { record: 0, persist: 0, flush: 0 });
    for (let i = 0; i < 10; i++) log.append(text("more"));
    assertEquals(counts, { record: 10, persist: 0, flush: 0 });
    log.appendAll(Array.from({ length: 10 }, () => text("more")));
    assertEquals(counts, { record: 10, persist: 1, flush: 0 });
    log.append(new Uint8Array(100_000));
    assertEquals(counts, { record: 10, persist: 2, flush: 0 });
  });
});

test("a checkpoint is never more than a window behind", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4 * MiB });
  const log = openLog(file, { create: true });
  let random = 7;
  for (let end = 4096; log.freeBytes > 3000;) {
    random = Math.imul(random, 1664525) + 1013904223 >>> 0;
    const { byteOffset, limit } = readState(readHeader(file, false));
    assert(
      log.length === 0 || end <= limit && end - byteOffset <= 65536 + 3016,
      `${end}, ${byteOffset}, ${limit}`,
    );
    const length = random >>> 20;
    if (length > 2900) continue;
    log.append(new Uint8Array(length));
    end += 16 + Math.ceil(length / 8) * 8;
  }
  assertEquals([...log].length, log.length);
});
