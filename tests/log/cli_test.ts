// `daxfile check` and `daxfile dump` of a log, and the example that keeps one.
// machines: none, it is about the bytes of a file, wherever that lies; log_test.ts is about the medium

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import process from "node:process";
import { open } from "../../mod.ts";
import { run } from "../../src/cli/run.ts";
import { openLog } from "../../src/log/mod.ts";
import { executable, here, root } from "../helpers/child.ts";
import { memory } from "../helpers/places.ts";
import { startAt } from "./subject.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Runs the command in this process. */
async function daxfile(...words: string[]) {
  const output: string[] = [], errors: string[] = [];
  const status = await run(words, {
    columns: 80,
    print: (text) => void output.push(text),
    complain: (text) => void errors.push(text),
    style: (_, text) => text,
  });
  return { status, stdout: output.join("\n"), stderr: errors.join("\n") };
}

/** A log of two sessions; the second record is no text. */
function make(path: string): void {
  {
    using log = openLog(path, { create: true, size: 1 << 16 });
    log.appendAll([text("first"), new Uint8Array([0, 255, 16])]);
  }
  using log = openLog(path);
  log.append(text("third, ".repeat(40)));
}

test("check says what a log holds, and that all of it is what was written", async () => {
  using place = memory();
  make(place.path());
  const { status, stdout, stderr } = await daxfile("check", place.path());
  assertEquals([status, stderr], [0, ""]);
  assertMatch(stdout, /^format +log, version 1$/m);
  assertMatch(stdout, /^records +3, numbers 0 to 2, 288 bytes$/m);
  assertMatch(stdout, /^written by +2 sessions$/m);
  assertMatch(stdout, /^closed +yes$/m);
  assertMatch(stdout, /^✓ all of it/m);
  const json = JSON.parse((await daxfile("check", place.path(), "--json")).stdout);
  assertEquals(json, {
    path: place.path(),
    format: "log",
    isSound: true,
    version: 1,
    records: 3,
    base: 0,
    bytes: 288,
    sessions: 2,
    freeBytes: 65536 - 4096 - 24 - 24 - 296 - 16,
    isClean: true,
    epoch: 2,
    checkpoint: 4096 + 24 + 24 + 296,
  });
});

test("check of a log that a program writes, or never closed", async () => {
  using place = memory();
  using log = openLog(place.path(), { create: true, size: 1 << 16 });
  log.append(text("one"));
  const { status, stdout } = await daxfile("check", place.path());
  assertEquals(status, 0);
  assertMatch(stdout, /^closed +no: it is open/m);
  assertEquals(log.append(text("two")), 1);
});

test("check of an empty log, and of one whose sequence numbers are large", async () => {
  using place = memory();
  openLog(place.path(), { create: true, size: 1 << 16 }).close();
  assertMatch((await daxfile("check", place.path())).stdout, /^records +0, 0 bytes$/m);
  using file = open(place.path("large"), { create: true, size: 1 << 16 });
  startAt(file, { base: 2 ** 40, sequence: 2 ** 40 });
  openLog(file).append(text("one"));
  assertMatch((await daxfile("check", place.path("large"))).stdout, /numbers 1099511627776 to 1099511627776/);
});

test("check and dump of a damaged log name the place, show what comes before, and end with 1", async () => {
  using place = memory();
  const path = place.path();
  make(path);
  {
    using file = open(path);
    file.view(Uint8Array, 4096 + 24 + 24 + 100, 1)[0]! ^= 1;
  }
  const checked = await daxfile("check", path);
  assertEquals(checked.status, 1);
  assertMatch(checked.stdout, /^✗ record 2, at byteOffset 4144, is not what was written/m);
  assertMatch(checked.stdout, /^records +at least 2, numbers 0 to 1/m);
  const json = await daxfile("check", path, "--json"), found = JSON.parse(json.stdout);
  assertEquals([json.status, found.isSound, found.damage.byteOffset], [1, false, 4144]);
  const dumped = await daxfile("dump", path);
  assertEquals([dumped.status, dumped.stdout.split("\n").length], [1, 3]);
  assertStringIncludes(dumped.stderr, "byteOffset 4144");
  const dumpedJson = await daxfile("dump", path, "--json");
  assertEquals([dumpedJson.status, JSON.parse(dumpedJson.stdout).records.length], [1, 2]);
});

test("check of a log whose open fails tells the same", async () => {
  using place = memory();
  const path = place.path();
  {
    using log = openLog(path, { create: true, size: 1 << 16 });
    for (const word of ["one", "two"]) log.append(text(word));
    log.file.view(Uint8Array, 4096 + 16, 1)[0]! ^= 1;
    // Not closed: the file is
    log.file.close();
  }
  const { status, stdout } = await daxfile("check", path);
  assertEquals(status, 1);
  assertMatch(
    stdout,
    /^✗ record 0, at byteOffset 4096, .* record 1, at byteOffset 4120, was appended after/m,
  );
  assertMatch(stdout, /^free +not known$/m);
  assertEquals((await daxfile("dump", path)).status, 1);
});

test("dump shows text as text and the rest in hexadecimal, a line a record", async () => {
  using place = memory();
  make(place.path());
  const { status, stdout } = await daxfile("dump", place.path());
  const lines = stdout.split("\n");
  assertEquals([status, lines.length], [0, 4]);
  assertEquals(lines[1], '     0        4096           5  "first"');
  assertEquals(lines[2], "     1        4120           3  00ff10");
  assertMatch(lines[3]!, /^ +2 +4144 +280 {2}"third, third, .*…$/);
  assert(lines.every((line) => line.length <= 80));
  const { records } = JSON.parse((await daxfile("dump", place.path(), "--json")).stdout);
  assertEquals(records[0], {
    sequence: 0,
    byteOffset: 4096,
    byteLength: 5,
    epoch: 1,
    isFirst: true,
    hex: "6669727374",
    text: "first",
  });
  assertEquals([records[1].hex, records[1].text, records[1].isFirst], ["00ff10", undefined, false]);
});

test("what is no log is refused", async () => {
  using place = memory();
  writeFileSync(place.path(), "short");
  for (const command of ["check", "dump"]) {
    const { status, stderr } = await daxfile(command, place.path());
    assertEquals(status, 1);
    assertMatch(stderr, /it begins as none of these does: a log/);
    assertEquals((await daxfile(command)).status, 2);
    assertEquals((await daxfile(command, place.path("none"))).status, 1);
  }
});

test("the example adds events, shows them, and finds them again", () => {
  using place = memory();
  const example = (...words: string[]) => {
    const runtime = here === "deno" ? ["run", "--quiet", "--no-prompt", "--allow-ffi"] : [];
    const command = [...runtime, `${root}examples/event_log.ts`, ...words];
    return spawnSync(executable(here), command, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  };
  assertEquals(example().status, 2);
  assertMatch(example(place.path(), "the door was opened").stdout, /^0 .*T.*Z {2}the door was opened\n$/);
  const { status, stdout, stderr } = example(place.path());
  assertEquals([status, stderr], [0, ""]);
  assertMatch(stdout, /^0 .* the door was opened\n1 .* process \d+ ran\n$/);
});
