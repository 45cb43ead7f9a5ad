// Every crash of every short sequence of operations on a log, and of what is done after recovery. The two runtimes share the sequences;
// those of three operations are in the slower group: tests/corpus/log_test.ts
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assertEquals, assertGreater } from "@std/assert";
import fc from "fast-check";
import { arbitrarySequences, crash, type Model, type Operation, sequences } from "../../src/testing/mod.ts";
import { isOwn } from "../helpers/child.ts";
import { bytesOf, further, small, startAt, testOf } from "./subject.ts";

const timeout = 180_000;

/** Longer: of several words each, and so long that a checkpoint comes with it. */
const medium = {
  ...small,
  append: [bytesOf(20, 3), bytesOf(40, 4)],
  appendAll: [[bytesOf(3, 1), bytesOf(12, 5)]],
};

/** Tries every second one; how many images that were. */
async function tryAll(operations: typeof small, upTo: number, model: Model): Promise<number> {
  let images = 0, index = 0;
  for (const sequence of sequences({ operations, upTo })) {
    if (!isOwn(index++)) continue;
    const report = await crash(testOf(sequence, model, further));
    assertEquals([report.complete, report.approximate], [true, false]);
    images += report.images;
  }
  return images;
}

for (const model of ["px86", "sector"] as const) {
  test(`every sequence of two operations survives, ${model}`, { timeout }, async () => {
    assertGreater(await tryAll(small, 2, model), 1_000);
  });
}

for (const [model, upTo] of [["px86", 1], ["sector", 2]] as const) {
  test(`sequences of longer records survive, ${model}`, { timeout }, async () => {
    assertGreater(await tryAll(medium, upTo, model), 500);
  });
}

test("sequences of two survive where caches do, but not their order", { timeout }, async () => {
  assertGreater(await tryAll(small, 2, "eadr"), 500);
});

test("single operations survive where nothing but a word is whole", { timeout }, async () => {
  assertGreater(await tryAll(small, 1, "word"), 500);
});

test("longer sequences, by chance", { timeout }, async () => {
  const longer = arbitrarySequences(fc, { operations: { ...small, append: [[], bytesOf(9, 6)] }, upTo: 10 });
  await fc.assert(
    fc.asyncProperty(longer, async (sequence) => {
      assertEquals((await crash(testOf(sequence as Operation[], "sector", further))).complete, true);
    }),
    { numRuns: 20 },
  );
});

test("sequence numbers pass 2^32, and any crash leaves them right", { timeout }, async () => {
  const first = 2 ** 32 - 1,
    setup = (m: Parameters<typeof startAt>[0]) => startAt(m, { base: first, sequence: first });
  const operations = { append: [bytesOf(3, 1)], appendAll: [[[], [1], bytesOf(8, 2)]], reopen: [undefined] };
  for (const model of ["px86", "sector"] as const) {
    for (const [index, sequence] of [...sequences({ operations, upTo: 2 })].entries()) {
      if (!isOwn(index)) continue;
      const report = await crash(testOf(sequence, model, further, { first, setup }));
      assertEquals(report.complete, true);
    }
  }
});
