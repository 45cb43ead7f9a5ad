// Every sequence of at most three operations on a log survives every crash, also one within recovery. The two runtimes share them.
// machines: none, what it looks at are simulated crashes

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { crash, sequences } from "../../src/testing/mod.ts";
import { isOwn } from "../helpers/child.ts";
import { further, small, testOf } from "../log/subject.ts";

for (const model of ["px86", "sector"] as const) {
  for (const first of Object.keys(small)) {
    test(`${first} and every two operations after it, ${model}`, async () => {
      const all = [...sequences({ operations: small, upTo: 3 })].filter(([operation]) =>
        operation?.name === first
      );
      for (const sequence of all.filter((_, index) => isOwn(index))) {
        const { complete, approximate } = await crash(testOf(sequence, model, further));
        assertEquals([complete, approximate], [true, false], JSON.stringify(sequence));
      }
    });
  }
}
