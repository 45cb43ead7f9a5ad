// machines: ext4 ext4-misaligned xfs xfs-reflink
// kernel: any
// processors: 2
// program: kernel/conformance
/**
 * Every row of kernel/conformance/rows.table, a test each: against the system call where the kernel has it, both itself and
 * by way of the library, and elsewhere against the library's seal, which may differ only as the table says.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { hasCall } from "./expected.ts";

const machine = process.env["DAXFILE_TEST_MACHINE"];
const folder = process.env["DAXFILE_TEST_DIR"]!;
const program = join(process.env["DAXFILE_TEST_PROGRAMS"]!, "conformance");
const table = fileURLToPath(new URL("../../kernel/conformance/rows.table", import.meta.url));
const driver = fileURLToPath(new URL("./daxctl_driver.ts", import.meta.url));
const isBun = "Bun" in globalThis;

/** By way of the library, in this runtime. Who has no right to the translated modules translates them again. */
const through = [
  "--through",
  isBun
    ? `exec '${process.execPath}' '${driver}'`
    : `[ -w "$DENO_DIR" ] || export DENO_DIR=/tmp/deno-$(id -u); exec '${process.execPath}' run -A --no-check '${driver}'`,
];

interface Row {
  title: string;
  skipped: boolean;
  /** Empty if it went as the table says. */
  difference: string;
}

/** What the program printed (TAP), row by row; it must have come to its end. */
function rowsOf(output: string): Row[] {
  const rows: Row[] = [];
  for (const line of output.split("\n")) {
    const [, not, title, skip] = /^(not )?ok \d+ - (.*?)(# SKIP.*)?$/.exec(line) ?? [];
    if (title !== undefined) {
      rows.push({ title: title.trim(), skipped: skip !== undefined, difference: not ? "it" : "" });
    } else if (/^# (expected|got) /.test(line)) {
      rows.at(-1)!.difference += ` ${line.slice(2).replace(/ +/, " ")};`;
    }
  }
  return rows;
}

/** Runs the table in one way, and makes a test of each row. */
function testRows(way: string, options: string[], only: string[] = []): void {
  const ordinary = mkdtempSync("/var/tmp/conformance-");
  const { status, stdout, stderr } = spawnSync(program, [...options, table, folder, ordinary, ...only], {
    encoding: "utf8",
    maxBuffer: 1 << 24,
  });
  rmSync(ordinary, { recursive: true });
  const rows = rowsOf(stdout);
  test(`${way}: the table was run to its end`, () => {
    assert(status === 0 || status === 1, `it ended with ${status}: ${stderr}\n${stdout.slice(-2000)}`);
    assertEquals(Number(/^1\.\.(\d+)$/m.exec(stdout)?.[1]), rows.length);
  });
  for (const { title, skipped, difference } of rows) {
    test(`${way}: ${title}`, { skip: skipped }, () => assertEquals(difference, "", stderr));
  }
}

if (hasCall) {
  // What the kernel does has nothing to do with the runtime, nor what the library hands on with the device: once is enough for each
  if (!isBun) testRows("the call", []);
  const all = machine === "ext4" || (isBun && machine !== "ext4-misaligned");
  testRows("the call by way of the library", through, all ? [] : ["written, root: set"]);
} else {
  // Each row starts a runtime, which takes Deno seconds in emulation: on ext4 it tries all, elsewhere some
  testRows("the seal", [...through, "--seal"], isBun || machine === "ext4" ? [] : ["written, root: set"]);
}
