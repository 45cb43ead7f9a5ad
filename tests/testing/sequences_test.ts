// Sequences of operations: all of a small domain, and random ones from fast-check.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { arbitrarySequences, crash, CrashError, type Operation, sequences } from "../../src/testing/mod.ts";
import { mutated } from "./mutants.ts";
import { ring, slots, testOf } from "./structures.ts";

test("sequences() gives every short sequence once, the short ones first", () => {
  const all = [...sequences({ operations: { a: [1, 2], b: [undefined] }, upTo: 3 })];
  const shown = all.map((sequence) => sequence.map(({ name, arg }) => `${name}${arg ?? ""}`).join(" "));
  assertEquals(shown.length, 1 + 3 + 9 + 27);
  assertEquals(new Set(shown).size, shown.length);
  assertEquals(shown.slice(0, 6), ["", "a1", "a2", "b", "a1 a1", "a1 a2"]);
});

test("sequences() refuses a length that is none", () => {
  for (const upTo of [-1, 1.5, NaN, 17]) {
    assertThrows(() => [...sequences({ operations: {}, upTo })], RangeError, `upTo is ${upTo}`);
  }
});

const arbitrary = arbitrarySequences<typeof ring.operations, unknown>(fc as never, {
  ...{ operations: ring.operations, upTo: 8 },
}) as fc.Arbitrary<Operation[]>;

test("fast-check makes longer sequences of the same domain", async () => {
  const property = fc.asyncProperty(arbitrary, async (sequence) => {
    assert(sequence.length <= 8 && sequence.every(({ name }) => name in ring.operations));
    assertEquals((await crash(testOf(ring, sequence))).complete, true);
  });
  await fc.assert(property, { numRuns: 30, seed: 1 });
});

test("fast-check shrinks a sequence that a broken structure fails", async () => {
  const sites = new Set<string>();
  await crash(
    testOf(ring, [{ name: "push", arg: 5 }], (m) => mutated(m, undefined, (site) => sites.add(site))),
  );
  const site = [...sites].find((name) => name.startsWith("persist"))!;
  const fails = async (sequence: Operation[]) => {
    const test = testOf(ring, sequence, (m) => mutated(m, { site, kind: "dropped" }));
    const { further: _, ...without } = test;
    await crash(without);
  };
  const found = await fc.check(fc.asyncProperty(arbitrary, fails), { numRuns: 100, seed: 1 });
  assert(found.errorInstance instanceof CrashError);
  assertEquals(found.counterexample![0].map(({ name }) => name), ["push"]);
});

test("every sequence of at most three operations on a small domain takes well under a second", async () => {
  let images = 0;
  for (const sequence of sequences({ operations: slots.operations, upTo: 3 })) {
    images += (await crash(testOf(slots, sequence))).images;
  }
  assert(images > 1000);
});
