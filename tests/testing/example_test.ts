// The example with a bug finds its bug, and passes once it is mended.
// machines: none, what it looks at are simulated crashes

import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch } from "@std/assert";

test("the example finds its bug, names the flush that mends it, and is right once it is mended", () => {
  const file = fileURLToPath(new URL("../../examples/crash_test.ts", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, ["run", file], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  assertEquals(status, 0, stderr);
  const [english, german] = stdout.split("\n");
  assertMatch(english!, /^English guests: all of \d+ images/);
  assertMatch(german!, /^With one from Köln: recovery found a state that no operation leaves/);
  assertMatch(stdout, /torn +line 192: 6 of the 66 bytes stored at 192, .*; never flushed/);
  assertMatch(stdout, /mend +persist\(132, 66\) after the store at examples\/crash_test.ts/);
  assertMatch(stdout, /\nMended: all of \d+ images/);
});
