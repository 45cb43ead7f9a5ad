// What is not wrong but odd is told: clean flushes, idle fences, commit stores that can tear.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { crash, type Region } from "../../src/testing/mod.ts";

async function warningsOf(workload: (m: Region) => unknown): Promise<string[]> {
  const report = await crash({
    ...{ size: 1024, workload, recover: () => 0, observe: () => 0, reference: { init: 0, apply: () => 0 } },
  });
  return report.warnings;
}
const words = (m: Region) => m.view(BigUint64Array);

test("a clean program has no warnings", async () => {
  const found = await warningsOf((m) => {
    words(m)[0] = 1n;
    words(m)[8] = 1n;
    m.persist(0, 128);
    m.store64(8, 1);
    m.write(64, new Uint8Array(64), { drain: false });
    m.drain();
    m.close();
  });
  assertEquals(found, []);
});

test("a flush of clean lines is told, with its place", async () => {
  const found = await warningsOf((m) => {
    words(m)[0] = 1n;
    m.persist(0, 8);
    m.flush(0, 8);
    m.flush(64, 8);
  });
  assertMatch(
    found[0]!,
    /^flush of lines without a store .*: 2 times, testing\/warnings_test.ts:\d+:\d+; testing/,
  );
  assertEquals(found.length, 1);
});

test("a drain with nothing to wait for is told", async () => {
  const found = await warningsOf((m) => {
    m.drain();
    words(m)[0] = 1n;
    m.persist(0, 8);
  });
  assertEquals(found.length, 1);
  assertMatch(found[0]!, /^drain with nothing to wait for: once/);
});

test("a commit store that can tear is told", async () => {
  const found = await warningsOf((m) => {
    m.view(DataView).setUint32(6, 1);
    m.persist(0, 16);
  });
  assertEquals(found.length, 1);
  assertMatch(found[0]!, /^commit store that crosses an 8-byte boundary and can tear: once/);
});

test("a store that is not durable at the end is told, flushed or not", async () => {
  for (const flushed of [false, true]) {
    const found = await warningsOf((m) => {
      words(m)[0] = 1n;
      if (flushed) m.flush(0, 8);
      m.close();
    });
    assertEquals(found.length, 1);
    assertMatch(found[0]!, /^store not durable at the end: once, testing\/warnings_test.ts/);
  }
});

test("a sync() that is awaited leaves nothing to warn of, and one that is not awaited makes nothing durable", async () => {
  const run = (isAwaited: boolean) =>
    warningsOf(async (m) => {
      words(m)[0] = 1n;
      const sync = m.sync();
      words(m)[8] = 1n;
      if (isAwaited) await sync;
      m.persist(64, 8);
    });
  assertEquals(await run(true), []);
  const [only, ...others] = await run(false);
  assertMatch(only!, /^store not durable at the end: once, testing\/warnings_test.ts/);
  assertEquals(others, []);
});

test("a sync() does not cover what is stored while it runs, and one of a clean region is told", async () => {
  const found = await warningsOf(async (m) => {
    await m.sync();
    words(m)[0] = 1n;
    const sync = m.sync();
    words(m)[0] = 2n;
    await sync;
  });
  assertMatch(found[0]!, /^flush of lines without a store since their last flush: once/);
  assertMatch(found[1]!, /^store not durable at the end: once/);
  assertEquals(found.length, 2);
});
