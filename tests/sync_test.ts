// sync makes the whole file durable while the program goes on: timers fire, other calls work, and close may come first.
// machines: files

import { assert, assertEquals, assertGreater } from "@std/assert";
import { test } from "node:test";
import type { Native } from "../ffi/library.ts";
import { open } from "../mod.ts";
import { type Replacement, withNative } from "./helpers/native.ts";
import { descriptors, disk, mappings, medium, memory } from "./helpers/places.ts";

const MiB = 2 ** 20;

/** How many turns the event loop makes until a promise is settled. */
async function turnsDuring(promise: Promise<unknown>): Promise<number> {
  let turns = 0, pending = true;
  const done = promise.finally(() => pending = false);
  while (pending) {
    await new Promise((resolve) => setImmediate(resolve));
    if (pending) turns++;
  }
  await done;
  return turns;
}

/** A flush that takes longer than sync keeps the event loop waiting. */
const slowFlush = (real: Native): Replacement => ({
  daxfile1_flush(start, byteLength, mode) {
    for (const begin = performance.now(); performance.now() - begin < 5;);
    return real.daxfile1_flush(start!, byteLength!, mode!);
  },
});

test("the event loop is free while a disk writes back", async () => {
  using place = disk();
  using file = open(place.path(), { create: true, size: 64 * MiB });
  file.view(Uint8Array).fill(1);
  assertGreater(await turnsDuring(file.sync()), 0);
});

test("the event loop is free while cache lines are written back", async () => {
  using place = memory();
  await withNative(slowFlush, async () => {
    using file = open(place.path(), { create: true, size: 4 * MiB, forceGranularity: "cache-line" });
    let timers = 0;
    const timer = setInterval(() => timers++, 0);
    assertGreater(await turnsDuring(file.sync()), 1);
    clearInterval(timer);
    assertGreater(timers, 1);
  });
});

test("cache lines: every byte is flushed once, in order, and then waited for", async () => {
  using place = memory();
  const size = 9 * MiB + 100;
  const calls: { start: number; byteLength: number }[] = [];
  let flushedBefore = 0;
  const record = (real: Native): Replacement => ({
    daxfile1_flush: (start, byteLength) => calls.push({ start: start!, byteLength: byteLength! }) && 0,
    daxfile1_drain(mode) {
      flushedBefore = calls.length;
      return real.daxfile1_drain(mode!);
    },
  });
  await withNative(record, async () => {
    using file = open(place.path(), { create: true, size, forceGranularity: "cache-line" });
    let end = Number(mappings(place.directory)[0]!.start);
    await file.sync();
    for (const { start, byteLength } of calls) {
      assertEquals(start, end);
      end += byteLength;
    }
  });
  assertEquals(calls.reduce((sum, { byteLength }) => sum + byteLength, 0), size);
  assertEquals(flushedBefore, calls.length);
  assertGreater(calls.length, 1);
});

test("memory that needs no write-back is synced at once, however large", async () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 2 ** 36, sparse: true });
  file.store64(2 ** 35, 1);
  assert(await turnsDuring(file.sync()) < 3);
});

for (const forceGranularity of ["page", "cache-line", "byte"] as const) {
  test(`${forceGranularity}: several at once, with other calls between`, async () => {
    using place = medium();
    using file = open(place.path(), { create: true, size: 8 * MiB, forceGranularity });
    const before = descriptors(place.directory);
    const syncs = [1, 2, 3, 4].map((value) => {
      file.view(Uint8Array).fill(value);
      return file.sync();
    });
    file.write(0, new Uint8Array(300).fill(9));
    file.persist(0, 4096);
    await Promise.all(syncs);
    assertEquals([...file.view(Uint8Array, 299, 2)], [9, 4]);
    assertEquals(descriptors(place.directory), before);
  });

  for (const guard of [false, true]) {
    const name = `${forceGranularity}${guard ? ", guarded" : ""}`;
    test(`${name}: close while sync runs is a TypeError from sync, and leaves nothing behind`, async () => {
      using place = medium();
      const path = place.path();
      for (let round = 0; round < 3; round++) {
        const { settled } = withNative(slowFlush, () => {
          const file = open(path, { create: true, size: 2 * MiB, forceGranularity, guard });
          file.view(Uint8Array).fill(round);
          const settled = file.sync().then(() => undefined, (error) => error);
          file.close();
          return { settled };
        });
        // The lock is gone at once, although the write-back may go on
        open(path).close();
        const error = await settled;
        // A fence is done before anything can come between
        if (forceGranularity === "byte") assertEquals(error, undefined);
        else assert(error instanceof TypeError && error.message.includes("is closed"), String(error));
        assertEquals([descriptors(place.directory), mappings(place.directory)], [0, []]);
      }
    });
  }
}
