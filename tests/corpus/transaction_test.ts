// Every sequence of at most three operations on a pool survives every crash, also one within recovery. Takes minutes, so the two runtimes
// share them: what is tried is a simulation, in which nothing depends on the runtime. A smaller domain is tried by both, in tests/transaction.
// machines: none, what it looks at are simulated crashes

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { crash } from "../../src/testing/mod.ts";
import { isOwn } from "../helpers/child.ts";
import { sequencesOf, testOf } from "../transaction/subject.ts";

const names = [
  "word",
  "line",
  "lines",
  "overlap",
  "nested",
  "large",
  "direct",
  "throwing",
  "reopen",
  "close",
];

for (const [which, model] of (["px86", "sector"] as const).entries()) {
  for (const first of names.filter((_, index) => isOwn(index + which))) {
    test(`${first} and every two operations after it, ${model}`, async () => {
      for (const rest of sequencesOf(names, 2)) {
        const { complete, approximate } = await crash({ ...testOf([first, ...rest]), model });
        assertEquals([complete, approximate], [true, false], [first, ...rest].join(", "));
      }
    });
  }
}
