// The parts of the harness that need no guest, and what becomes of a guest: with a program in QEMU's place.
// machines: none, it needs no machine: it tests what runs them
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { root, startChild } from "../helpers/child.ts";
import { anywhere } from "../helpers/places.ts";
import { guestsOf, runGuests } from "./guests.ts";
import { machines } from "./machines.ts";
import { requirePackages } from "./packages.ts";
import { startGuest } from "./qemu.ts";
import { parseJUnit } from "./results.ts";
import { allTests, byProcessors, kernelsOf, machinesOf, whyNone } from "./selection.ts";

const names = (source: string) => machinesOf(source).map((machine) => machine.name);

test("a test file names its machines in a line near its top", () => {
  assert.deepEqual(names("// Some test.\n// machines: devdax xfs\n"), ["xfs", "devdax"]);
  assert.deepEqual(names("// machines: disk, xfs"), ["xfs", "disk"]);
  assert.equal(names("// machines: all").length, machines.length);
  assert.deepEqual(names("// machines: all").filter((name) => !names("// machines: files").includes(name)), [
    "devdax",
  ]);
  assert.deepEqual(names("test();\n" + "\n".repeat(50) + "// machines: ext4\n"), []);
});

test("every test file says on which machines it runs, or why on none", () => {
  assert.equal(whyNone("// Some test.\n// machines: none, it opens no file\n"), "it opens no file");
  assert.equal(whyNone("// machines: xfs\n// none, it opens no file\n"), undefined);
  assert.deepEqual(names("// machines: none, it opens no file\n"), []);
  const silent = [...allTests(root)].filter(([, source]) =>
    machinesOf(source).length === 0 && !whyNone(source)
  );
  assert.deepEqual(silent.map(([file]) => file), []);
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

/** A folder with a program that is found before all others of its name; PATH is as before when the block ends. */
function inPlaceOf(name: string, script: string): Disposable & { path(name: string): string } {
  const place = anywhere();
  writeFileSync(place.path(name), `#!/bin/sh\n${script}\n`);
  chmodSync(place.path(name), 0o755);
  const path = process.env["PATH"];
  process.env["PATH"] = `${place.directory}:${path}`;
  return {
    path: place.path,
    [Symbol.dispose]() {
      process.env["PATH"] = path;
      place[Symbol.dispose]();
    },
  };
}

const guestOptions = {
  ...{ kernel: "kernel", initramfs: "initramfs", kernelParameters: [], args: [], processors: 1 },
  ...{ accelerator: "tcg", timeoutSeconds: 60 },
};

const isAlive = (pid: string) => existsSync(`/proc/${pid.trim()}/exe`);

test("a guest that runs too long is killed, and what it printed is kept", async () => {
  using place = inPlaceOf(
    "qemu-system-x86_64",
    'echo $$ >"$(dirname "$0")/pid"; echo "@@ booted"; echo last words; exec sleep 1000',
  );
  const told: string[] = [];
  const guest = startGuest({
    ...guestOptions,
    ...{ timeoutSeconds: 1, consolePath: place.path("console"), onTell: (words) => void told.push(words) },
  });
  assert.equal(await guest.finished, "the guest ran longer than 1 s");
  assert.deepEqual(told, ["booted"]);
  assert.equal(readFileSync(place.path("console"), "utf8"), "@@ booted\nlast words\n");
  assert.equal(isAlive(readFileSync(place.path("pid"), "utf8")), false);
});

test("a QEMU that ends by itself is told by its exit code, with what it complained of in the console", async () => {
  using place = inPlaceOf("qemu-system-x86_64", "echo no such machine >&2; exit 3");
  const guest = startGuest({ ...guestOptions, consolePath: place.path("console"), onTell: () => {} });
  assert.equal(await guest.finished, "QEMU ended with 3");
  assert.equal(readFileSync(place.path("console"), "utf8"), "no such machine\n");
});

test("a harness that is killed takes its guest and the guest's images with it", async () => {
  using place = inPlaceOf(
    "qemu-system-x86_64",
    'echo $$ >"$(dirname "$0")/pid"; echo "@@ booted"; exec sleep 1000',
  );
  mkdirSync(place.path("images"));
  const options = {
    ...guestOptions,
    ...{ consolePath: place.path("console"), folderToRemove: place.path("images") },
  };
  await using harness = startChild(`
    import { startGuest } from ${JSON.stringify(`${root}tests/vm/qemu.ts`)};
    startGuest({ ...${JSON.stringify(options)}, onTell: console.log });`);
  assert.equal(await harness.line(), "booted");
  const pid = readFileSync(place.path("pid"), "utf8");
  assert.equal(isAlive(pid), true);
  harness.kill();
  // Another process does it, so there is nothing to wait for but the thing itself
  while (isAlive(pid) || existsSync(place.path("images"))) await wait(10);
});

/** A guest that runs what it is told to in place of its tests, where its results belong. */
const guestThat = (script: string) => `
for argument; do
  case $argument in
    *,mount_tag=run,*) shared=\${argument#local,path=} shared=\${shared%%,*} ;;
  esac
done
machine=$(cut -d'|' -f1 "$shared/machines")
result=$shared/results/$machine.exec.all
echo "@@ booted"
echo "the console of $machine"
${script}
echo "@@ done exec 1 2"
echo "@@ finished"`;

const passes = `echo '<testcase file="exec" name="exec"/>' >"$result.xml"; echo 0 >"$result.exit"`;
const fails =
  `echo '<testcase file="exec" name="exec"><failure message="no way"/></testcase>' >"$result.xml"; echo 1 >"$result.exit"; echo out >"$result.log"`;

/** Runs a command on machines, in guests that a script stands for; what was said, and what was left below the temporary folder. */
async function runOn(names: readonly string[], script: string) {
  using place = inPlaceOf("qemu-system-x86_64", guestThat(script));
  const temporary = process.env["TMPDIR"];
  mkdirSync(place.path("tmp"));
  process.env["TMPDIR"] = place.path("tmp");
  try {
    const said: string[] = [];
    const isWell = await runGuests(new Map(names.map((name) => [name, ["exec"]])), false, {
      ...guestOptions,
      ...{
        checkout: root,

        runtimes: new Map([["exec", "true"]]),
        denoCache: "/tmp",
        keep: false,
      },
    }, (text) => said.push(text));
    const left = readdirSync(place.path("tmp"), { recursive: true }).map(String).sort();
    const log = existsSync(place.path("log")) ? readFileSync(place.path("log"), "utf8").split("\n") : [];
    const consoles = said.flatMap((text) => /^Console: (.*)$/.exec(text)?.[1] ?? [])
      .map((path) => readFileSync(path, "utf8"));
    return { isWell, said, left, log, consoles };
  } finally {
    if (temporary === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = temporary;
  }
}

test("where a test failed the console and the output are kept, and said where; nothing else is left", async () => {
  const { isWell, said, left, consoles } = await runOn(
    ["xfs", "ext4"],
    `case $machine in xfs) ${fails} ;; *) ${passes} ;; esac`,
  );
  assert.equal(isWell, false);
  assert.equal(said.at(-1), "1 passed, 1 failed");
  assert.deepEqual(consoles, ["@@ booted\nthe console of xfs\n@@ done exec 1 2\n@@ finished\n"]);
  const names = left.map((path) => path.split("/").slice(1).join("/"));
  assert.deepEqual(names.filter((name) => !name.startsWith("xfs/shared/")), [
    "",
    "xfs",
    "xfs/console.log",
    "xfs/shared",
  ]);
  assert.ok(names.includes("xfs/shared/results/xfs.exec.all.log"), names.join("\n"));
});

test("where all passed nothing is left", async () => {
  const { isWell, said, left } = await runOn(["xfs", "ext4", "ext4-eadr"], passes);
  assert.deepEqual([isWell, said.at(-1), left], [true, "3 passed, 0 failed", []]);
});

test("a guest that ends before its tests did has failed, and says its console's last words", async () => {
  const { isWell, said } = await runOn(["disk"], "exit 0");
  assert.equal(isWell, false);
  assert.match(
    said.join("\n"),
    /no results: the guest ended before it did\n(.*\n)*FAIL disk: the guest ended before its tests did(.*\n)*.*the console of disk\n/,
  );
});

test("each machine is in one guest, and there are never more of them than processors", async () => {
  const { log } = await runOn(
    machines.map(({ name }) => name),
    `
    log=$(dirname "$0")/log
    echo "$machine +1" >>"$log"
    sleep 0.2
    ${passes}
    echo "$machine -1" >>"$log"`,
  );
  let running = 0;
  const begun = log.filter((line) => {
    const change = Number(line.split(" ")[1] ?? 0);
    running += change;
    assert.ok(running >= 0 && running <= availableParallelism(), log.join("\n"));
    return change > 0;
  });
  assert.deepEqual(begun.map((line) => line.split(" ")[0]).sort(), machines.map(({ name }) => name).sort());
});

test("the guest with the most files is booted first, a file that races counting for ten", () => {
  const one = "tests/lock_test.ts", races = "tests/vm/attack_test.ts";
  const order = (...rows: [string, string[]][]) =>
    guestsOf(new Map(rows), (files) => byProcessors(root, files))
      .map(({ machine, processors, files }) => `${machine.name} ${processors} ${files.length}`);
  assert.deepEqual(
    order(["xfs", [one, races]], ["ext4", Array<string>(11).fill(one)], ["disk", [one, one]]),
    [
      "ext4 1 11",
      "xfs 2 1",
      "disk 1 2",
      "xfs 1 1",
    ],
  );
});

test("without QEMU it says what to install, and installs nothing unasked", () => {
  using _ = inPlaceOf("dpkg-query", 'printf "busybox-static installed\\ncpio installed\\n"; exit 1');
  assert.throws(
    () => requirePackages(false),
    /packages are missing.*--install:\n.*apt-get install .*qemu-system-x86/s,
  );
});
