// The parts of the harness that need no guest.
import assert from "node:assert/strict";
import { test } from "node:test";
import { machines } from "./machines.ts";
import { parseJUnit } from "./results.ts";
import { kernelsOf, machinesOf } from "./selection.ts";

const names = (source: string) => machinesOf(source).map((machine) => machine.name);

test("a test file names its machines in a line near its top", () => {
  assert.deepEqual(names("// Some test.\n// machines: devdax xfs\n"), ["xfs", "devdax"]);
  assert.deepEqual(names("// machines: disk, xfs"), ["xfs", "disk"]);
  assert.equal(names("// machines: all").length, machines.length);
  assert.deepEqual(names("test();\n" + "\n".repeat(50) + "// machines: ext4\n"), []);
});

test("a machine that does not exist is an error that lists those which do", () => {
  assert.throws(() => machinesOf("// machines: btrfs"), /There is no machine "btrfs".*ext4/);
});

test("a test file names its kernel, or runs with Debian's", () => {
  assert.deepEqual(kernelsOf("// machines: all\n"), ["debian"]);
  assert.deepEqual(kernelsOf("// machines: all\n// kernel: daxctl\n"), ["daxctl"]);
  assert.deepEqual(kernelsOf("// kernel: any\n"), ["debian", "daxctl"]);
  assert.throws(() => kernelsOf("// kernel: 6.12\n"), /There is no kernel "6.12".*daxctl/);
});

test("parseJUnit() counts Deno's steps, not the test that sums them up", () => {
  const cases = parseJUnit(`<testsuites>
    <testsuite name="./a_test.ts"><testcase name="group" classname="./a_test.ts" time="0.003" line="7">
      <failure message="1 test step failed">1 test step failed.</failure></testcase></testsuite>
    <testsuite name="ext:deno_node/testing.ts"><testcase name="group &gt; in" classname="ext:deno_node/testing.ts" time="0.250">
      </testcase><testcase name="group &gt; bad" classname="ext:deno_node/testing.ts">
        <failure message="Uncaught Error: 1 &lt; 2
second line">Error</failure></testcase></testsuite></testsuites>`);
  assert.deepEqual(cases, [
    { file: "a_test.ts", name: "group > in", state: "passed", message: "", seconds: 0.25 },
    {
      file: "a_test.ts",
      name: "group > bad",
      state: "failed",
      message: "Uncaught Error: 1 < 2\nsecond line",
      seconds: 0,
    },
  ]);
});

test("parseJUnit() reads Bun's self-closing, skipped and failed cases", () => {
  const cases = parseJUnit(`<testsuite name="b_test.ts" file="b_test.ts">
    <testcase name="x" classname="" time="0.1" file="tests/b_test.ts" line="4" assertions="0" />
    <testcase name="y" classname="" file="tests/b_test.ts"><skipped /></testcase>
    <testcase name="z" classname="" file="tests/b_test.ts"><failure type="E" message="no&#10;way">…</failure></testcase>`);
  assert.deepEqual(cases.map(({ file, name, state }) => [file, name, state]), [
    ["tests/b_test.ts", "x", "passed"],
    ["tests/b_test.ts", "y", "skipped"],
    ["tests/b_test.ts", "z", "failed"],
  ]);
  assert.equal(cases[2]?.message, "no\nway");
});
