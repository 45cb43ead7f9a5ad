// Crash tests need no persistent memory, no permission and no native library: they run where the library cannot be loaded.
// machines: none, what it looks at are simulated crashes

import { assert, assertEquals, assertMatch } from "@std/assert";
import { test } from "node:test";
import { askChild, runChild } from "../helpers/child.ts";

/** With no permission at all, in Deno, and with a library that is not there, in both. */
const alone = { permissions: [], env: { DAXFILE_LIBRARY: "/nonexistent/daxfile.so" } };

/** Everything that a region has, a commit and a record among it; of the flush at the end, as many times as wanted. */
const program = (flushes: number) => `
import { crash } from "@daxfile/daxfile/testing";
const report = await crash({
  size: 8192,
  workload: async (m, t) => {
    const batch = m.batch(64);
    m.view(Uint8Array)[4096] = 1;
    m.persist(4096, 1);
    m.write(1024, new Uint8Array(80));
    m.fill(1200, 300, 1, { nontemporal: true });
    m.writeRecord(2048, new Uint8Array(20), 1, 2, 3);
    batch.write(3000, new Uint8Array(8));
    m.commit(3072, batch, 1, 2, 3);
    m.deepFlush(2048, 64);
    await m.sync();
    if (m.recordLength(2048, 8192, 3) !== 20) throw new Error("no record");
    await t.op("set", 1, () => {
      m.view(Uint32Array, 0, 1)[0] = 1;
      for (let i = 0; i < ${flushes}; i++) m.flush(0, 4);
      m.drain();
    });
  },
  recover: (m) => m,
  observe: (m) => m.view(Uint32Array, 0, 1)[0],
  reference: { init: 0, apply: (_, { arg }) => arg },
});
console.log(JSON.stringify({ complete: report.complete, images: report.images }));
`;

test("a crash test passes without the native library", () => {
  const { complete, images } = askChild<{ complete: boolean; images: number }>(program(1), alone);
  assertEquals(complete, true);
  assert(images > 1);
});

test("and finds what is missing", () => {
  const { status, stderr } = runChild(program(0), alone);
  assertEquals(status, 1);
  assertMatch(stderr, /CrashError/);
});

test("the library could not be loaded there", () => {
  const { status, stderr } = runChild(
    'import { open } from "@daxfile/daxfile"; open("/dev/shm/none", { create: true, size: 4096 });',
    alone,
  );
  assertEquals(status, 1);
  assertMatch(stderr, /DaxError/);
});
