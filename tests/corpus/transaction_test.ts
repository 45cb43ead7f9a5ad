// Every sequence of at most three operations on a pool survives every crash, also one within recovery. Takes minutes; a smaller domain is
// tried each time, in tests/transaction.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { crash } from "../../src/testing/mod.ts";
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

for (const model of ["px86", "sector"] as const) {
  for (const first of names) {
    test(`${first} and every two operations after it, ${model}`, async () => {
      for (const rest of sequencesOf(names, 2)) {
        const { complete, approximate } = await crash({ ...testOf([first, ...rest]), model });
        assertEquals([complete, approximate], [true, false], [first, ...rest].join(", "));
      }
    });
  }
}
