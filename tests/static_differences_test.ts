// docs/static-dax.md lists every row on which the seal and the system call differ, as kernel/conformance/rows.table has it.
// machines: none, it opens no file of ours

import { assert, assertEquals, assertThrows } from "@std/assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { differences, listed, markdown, page, unwrapped } from "./vm/differences.ts";

test("the page lists the differences as the table has them", () => {
  const found = listed(readFileSync(page, "utf8"));
  assert(found !== undefined, `${page} has no list of differences`);
  assertEquals(unwrapped(found), unwrapped(markdown()));
});

test("differences() takes the call's result and the seal's from two lines", () => {
  const rows = "# why\nstatic root unlink | EPERM | = | =\nstatic root write 0 | ETXTBSY | = | =\n";
  assertEquals(differences(`${rows}  seal: flag | EPERM | = | -\n`), [{
    row: "static root write 0",
    reason: "flag",
    results: [["ext4", "ETXTBSY", "EPERM"]],
  }]);
});

test("a reason must be explained, and must explain something", () => {
  const row = "static root write 0 | ETXTBSY | = | =\n";
  assertThrows(() => markdown(`${row}  seal: flag | EPERM | = | -\n`), Error, "not explained");
  assertThrows(() => markdown(`# reason flag: It is immutable.\n${row}`), Error, "explains no difference");
});
