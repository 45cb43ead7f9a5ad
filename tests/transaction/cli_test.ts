// `daxfile check` and `daxfile dump` of a pool.
// machines: none, it is about the bytes of a file, wherever that lies; transaction_test.ts is about the medium

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { run } from "../../src/cli/run.ts";
import { openPool } from "../../src/transaction/mod.ts";
import { memory } from "../helpers/places.ts";

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

/** A pool, not yet closed, with a commit that is in its record only once the file is cut off there. */
function make(path: string): ReturnType<typeof openPool> {
  const pool = openPool(path, {
    create: true,
    size: 65536,
    layout: "accounts",
    forceGranularity: "cache-line",
  });
  pool.transaction((tx) => tx.write(100, new TextEncoder().encode("Amelie")));
  pool.transaction((tx) => tx.setUint32(40_000, 0xdead));
  return pool;
}

test("check says how a pool is divided, which commit was the last, and what an open has to do", async () => {
  using place = memory();
  const path = place.path(), pool = make(path);
  const open = await daxfile("check", path);
  assertEquals([open.status, open.stderr], [0, ""]);
  assertMatch(open.stdout, /^format +pool, version 1$/m);
  assertMatch(open.stdout, /^layout +"accounts"$/m);
  assertMatch(open.stdout, /^last commit +4$/m);
  assertMatch(open.stdout, /^state +2 commits stored in place again/m);
  pool.close();
  const closed = await daxfile("check", path);
  assertMatch(closed.stdout, /^state +all of it in its place$/m);
  assertMatch(closed.stdout, /^✓ all of it/m);
  const { sequence, mark, pending, dataOffset, isSound } = JSON.parse(
    (await daxfile("check", path, "--json")).stdout,
  );
  assertEquals({ sequence, mark, pending, dataOffset, isSound }, {
    sequence: 5,
    mark: 5,
    pending: 0,
    dataOffset: pool.dataOffset,
    isSound: true,
  });
});

test("dump shows the records, and the data as the next open will find them; the file stays as it is", async () => {
  using place = memory();
  const path = place.path(), pool = make(path);
  pool.file.close();
  const bytes = readFileSync(path);
  bytes.fill(0, pool.dataOffset);
  writeFileSync(path, bytes);
  const { status, stdout, stderr } = await daxfile("dump", path);
  assertEquals([status, stderr], [0, ""]);
  assertMatch(stdout, /^ +3 +\d+ +16 {2}writes, to be stored in place again$/m);
  assertMatch(stdout, /^ +96 {2}00000000 416d656c 69650000 00000000 {2}\.\.\.\.Amelie\.\.\.\.\.\.$/m);
  assertMatch(stdout, /^ +40000 {2}adde0000/m);
  assertEquals(stdout.split("\n").filter((line) => /^ +\d+ {2}[0-9a-f]{8} /.test(line)).length, 2);
  const json = JSON.parse((await daxfile("dump", path, "--json")).stdout);
  assertEquals(json.data.map(({ byteOffset }: { byteOffset: number }) => byteOffset), [96, 40_000]);
  assertEquals(json.records.filter(({ isPending }: { isPending: boolean }) => isPending).length, 2);
  assert(readFileSync(path).equals(bytes));
});

test("damage is exit code 1 and names the place", async () => {
  using place = memory();
  const path = place.path();
  make(path).close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, 512, 512 + 2048);
  writeFileSync(path, bytes);
  const { status, stdout } = await daxfile("check", path);
  assertEquals(status, 1);
  assertStringIncludes(stdout, "no intact record is in its two slots, at byteOffset 512");
  const json = JSON.parse((await daxfile("check", path, "--json")).stdout);
  assertEquals([json.isSound, json.damage.byteOffset], [false, 512]);
  const dumped = await daxfile("dump", path);
  assertEquals(dumped.status, 1);
  assertStringIncludes(dumped.stderr, "no intact record");
});
