// The command `daxfile`, run as people run it: in Deno with nothing but --allow-ffi, and in Bun.
// machines: none, it is about words and exit codes; vm/commands_test.ts has the command on each machine

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync, truncateSync } from "node:fs";
import { test } from "node:test";
import process from "node:process";
import { type ExtentFlagName, type ExtentRun, open, type Probe } from "../mod.ts";
import { verdict } from "../src/cli/doctor.ts";
import { table, wrap } from "../src/cli/layout.ts";
import { run as runWords } from "../src/cli/run.ts";
import { strip } from "../src/cli/strip.ts";
import { version } from "../src/cli/version.ts";
import { counted, inUnits } from "../src/units.ts";
import { makeFile, makeHole } from "./helpers/bytes.ts";
import { executable, here, root, runChild } from "./helpers/child.ts";
import { disk, memory, run } from "./helpers/places.ts";

const MiB = 2 ** 20;
const main = `${root}src/cli/main.ts`;

/** Runs the command in a process of its own. */
function daxfile(words: readonly string[], env: Record<string, string> = {}, permissions = ["--allow-ffi"]) {
  const runtime = here === "deno" ? ["run", "--quiet", "--no-prompt", ...permissions] : [];
  return spawnSync(executable(here), [...runtime, main, ...words], {
    encoding: "utf8",
    env: { ...process.env, DAXFILE_FORCE_GRANULARITY: "", ...env },
  });
}

/** Runs the command in this process, on a terminal of the given width. */
async function inside(words: readonly string[], columns = 80) {
  const output: string[] = [], errors: string[] = [];
  const status = await runWords(words, {
    columns,
    print: (text) => void output.push(text),
    complain: (text) => void errors.push(text),
    style: (_, text) => text,
  });
  return { status, stdout: output.join("\n"), stderr: errors.join("\n") };
}

test("doctor of a file on a disk: its lines, and a sentence at the end", () => {
  using place = disk();
  const path = makeFile(place.path(), MiB);
  const { status, stdout, stderr } = daxfile(["doctor", path]);
  assertEquals([status, stderr], [0, ""]);
  const lines = stdout.split("\n");
  assertEquals(lines[0], path);
  assertMatch(stdout, /^✓ open +to read and write, 1 MiB$/m);
  assertMatch(stdout, /^✗ MAP_SYNC +refused: the file is not on persistent memory$/m);
  assertMatch(stdout, /^– persistence domain +does not apply/m);
  const end = lines.slice(-3).join(" ").trim();
  assertEquals(end, "open() gives page granularity here: persist is one msync, and survives a power cut.");
  assert(!stdout.includes("\x1b"));
});

test("doctor of a directory and of a file to come", () => {
  using place = memory();
  for (const path of [place.directory, place.path("new")]) {
    const { status, stdout } = daxfile(["doctor", path]);
    assertEquals(status, 0);
    assertStringIncludes(stdout, `a new file can be made in ${place.directory}`);
    assertStringIncludes(
      stdout.replace(/\s+/g, " "),
      "persist is one fence, but does not survive a power cut.",
    );
  }
});

test("doctor where open would fail: exit code 1, and why", () => {
  using place = disk();
  const { status, stdout } = daxfile(["doctor", place.path("none/new")]);
  assertEquals(status, 1);
  assertMatch(stdout, /^✗ open +no file can be made: no such file or directory \(ENOENT\)$/m);
  assertStringIncludes(stdout.replace(/\s+/g, " "), `→ Make the directory "${place.path("none")}" first`);
  assertMatch(stdout, /^open\(\) fails here: no such file or directory \(ENOENT\)\.$/m);
});

test("doctor of a locked file names the holder, and of a pipe does not wait", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  run("mkfifo", place.path("pipe"));
  using _ = open(path);
  const locked = daxfile(["doctor", path]);
  assertEquals(locked.status, 1);
  assertStringIncludes(locked.stdout, `process ${process.pid} (`);
  assertEquals(daxfile(["doctor", place.path("pipe")]).status, 1);
});

test("doctor --json is what probe gives, also where open would fail", () => {
  using place = disk();
  const path = makeFile(place.path(), MiB);
  const found = JSON.parse(daxfile(["doctor", "--json", path]).stdout) as Probe;
  assertEquals([found.path, found.size, found.granularity, found.mapSync], [path, MiB, "page", false]);
  assert(found.checks.every(({ ok, name, value }) => ok !== undefined && name !== "" && value !== ""));
  const { status, stdout } = daxfile(["doctor", "/dev/null", "--json"]);
  assertEquals([status, (JSON.parse(stdout) as Probe).refusal?.code], [1, "ENODEV"]);
});

test("doctor shows a forced granularity", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  const { stdout } = daxfile(["doctor", path], { DAXFILE_FORCE_GRANULARITY: "byte" });
  assertStringIncludes(stdout, "byte, forced by DAXFILE_FORCE_GRANULARITY");
  assertStringIncludes(stdout, "open() gives byte granularity here (forced)");
});

test("doctor keeps to the width of the terminal, whatever it is", async () => {
  using place = disk();
  using ram = memory();
  for (const path of [makeFile(place.path("a"), 4096), makeHole(ram.path("b"), MiB), place.directory]) {
    for (const columns of [60, 80, 100]) {
      const { stdout } = await inside(["doctor", path], columns);
      // A command is not broken, so that it can be copied
      const long = stdout.split("\n").filter((line) => line.length > columns && !line.includes("`"));
      assertEquals(long, []);
    }
  }
});

test("info of a file: what it is, and its extents with the holes between", () => {
  using place = disk();
  const path = makeFile(place.path(), 8192);
  truncateSync(path, MiB);
  run("sync", path);
  const { status, stdout, stderr } = daxfile(["info", path]);
  assertEquals([status, stderr], [0, ""]);
  assertMatch(stdout, /^size +1 MiB \(1048576 bytes\)$/m);
  assertMatch(stdout, /^granularity +page: the file is not on persistent memory$/m);
  assertMatch(stdout, /^extents +1 extent, 1016 KiB in holes$/m);
  assertMatch(stdout, /^ +byteOffset +physical +byteLength +flags$|^byteOffset/m);
  assertMatch(stdout, /^ +0 +\d+ +8192$/m);
  assertMatch(stdout, /^ +8192 +– +1040384 +hole$/m);
});

test("info of a file of many extents shows the first, and how many there are", async () => {
  using place = disk();
  const path = makeHole(place.path(), 64 * MiB);
  for (let i = 0; i < 40; i++) run("fallocate", "-o", String(i * MiB), "-l", "4096", path);
  const { stdout } = await inside(["info", path]);
  const rows = stdout.split("\n").filter((line) => /^ *\d+ +(\d+|–) /.test(line));
  assertEquals(rows.length, 20);
  assertStringIncludes(stdout, "… and 60 more; --json lists all");
  assertMatch(stdout, /unwritten$/m);
  const found = JSON.parse((await inside(["info", path, "--json"])).stdout) as Probe;
  assertEquals([found.extents!.count, found.extents!.runs.length], [40, 40]);
});

test("info of a file whose map cannot be read says so", async () => {
  using place = memory();
  const { status, stdout } = await inside(["info", makeFile(place.path(), 4096)]);
  assertEquals(status, 0);
  assertStringIncludes(stdout.replace(/\s+/g, " "), "the map of its blocks cannot be read: not supported");
  assertEquals(stdout.includes("byteOffset"), false);
});

test("info of a locked or empty file works; of what is no file it is an error", async () => {
  using place = disk();
  const path = makeFile(place.path(), 4096), empty = makeFile(place.path("empty"), 0);
  using _ = open(path);
  assertMatch((await inside(["info", path])).stdout, /^lock +exclusive$/m);
  assertEquals((await inside(["info", empty])).status, 0);
  for (
    const [words, message] of [
      [["info", place.directory], "is a directory (EISDIR)"],
      [["info", place.path("none")], "no such file or directory (ENOENT)"],
      [["info", place.path("none/none")], "no such file or directory (ENOENT)"],
      [["info", "/dev/null"], "no device-dax (ENODEV)"],
    ] as const
  ) {
    const { status, stdout, stderr } = await inside(words);
    assertEquals([status, stdout], [1, ""]);
    assertStringIncludes(stderr, message);
    assertStringIncludes(stderr, words[1]);
  }
});

test("static get of an ordinary file: exit code 1, why not, and the remedy", async () => {
  using place = disk();
  const path = makeFile(place.path(), MiB);
  const { status, stdout } = await inside(["static", "get", path]);
  assertEquals(status, 1);
  assertMatch(
    stdout.replaceAll("\n", " "),
    /is not static: it is not mapped directly \(DAX\) \(EINVAL\) → `daxfile doctor`/,
  );
  const json = JSON.parse((await inside(["static", "get", path, "--json"])).stdout);
  assertEquals([json.path, json.isStatic], [path, false]);
  assertStringIncludes(json.reason, "DAX");
});

test("static on where it cannot be had: exit code 1, the reason on standard error; off of an ordinary file is no error", async () => {
  using place = disk();
  const path = makeFile(place.path(), MiB);
  const on = await inside(["static", "on", path, "--align=2M"]);
  assertEquals([on.status, on.stdout], [1, ""]);
  assertMatch(on.stderr, /^daxfile: Cannot daxctl .*: it is not mapped directly \(DAX\) \(EINVAL\)/);
  const off = await inside(["static", "off", path]);
  assertEquals([off.status, off.stdout], [0, `${path} is ordinary now`]);
  const none = await inside(["static", "get", place.path("none")]);
  assertEquals(none.status, 1);
  assertStringIncludes(none.stderr, "(ENOENT)");
});

test("the strip shows what is special before what is not, and says what it shows", () => {
  const run = (byteOffset: number, byteLength: number, ...flags: ExtentFlagName[]) => ({
    byteOffset,
    physicalOffset: byteOffset,
    byteLength,
    flags,
  });
  const draw = (runs: ExtentRun[], pages: number, width: number, misaligned = false) =>
    strip(runs, pages * 4096, width, () => misaligned);
  assertEquals(draw([run(0, 16 * 4096)], 16, 8).line, "████████");
  assertEquals(draw([run(0, 8 * 4096), run(8 * 4096, 8 * 4096)], 16, 8).line, "████▒▒▒▒");
  assertEquals(draw([run(0, 4096)], 1, 80).line, "█");
  const mixed = [run(4096, 4096), run(8192, 4096, "unwritten"), run(12288, 4096, "shared", "unwritten")];
  assertEquals(draw(mixed, 5, 80).line, "·█us·");
  assertEquals(draw(mixed, 5, 1).line, "·");
  assertEquals(draw(mixed.slice(0, 1), 2, 80, true).line, "·m");
  assertEquals(draw(mixed, 5, 80).legend.map(([symbol]) => symbol).join(""), "·su█");
  // A hole of one block in a large file is seen
  assertEquals(draw([run(0, 500 * 4096), run(501 * 4096, 523 * 4096)], 1024, 4).line, "█·▒▒");
  assertEquals(draw([], 3, 80).line, "···");
});

test("a user who may not read a file gets exit code 1 and the reason", () => {
  using place = disk();
  run("chmod", "755", place.directory);
  run("chmod", "600", makeFile(place.path(), 4096));
  const as = (command: string) =>
    runChild(`
      import process from "node:process";
      import { probe } from "@daxfile/daxfile";
      import { run } from ${JSON.stringify(`${root}src/cli/run.ts`)};
      import { terminal } from ${JSON.stringify(`${root}src/cli/terminal.ts`)};
      probe(".");
      process.seteuid(65534);
      process.exitCode = await run(["${command}", ${JSON.stringify(place.path())}], terminal());
    `);
  const info = as("info");
  assertEquals([info.status, info.stdout], [1, ""]);
  assertStringIncludes(info.stderr, "permission denied (EACCES)");
  const doctor = as("doctor");
  assertEquals(doctor.status, 1);
  assertMatch(doctor.stdout, /^✗ open +refused: permission denied \(EACCES\)$/m);
  assertMatch(doctor.stdout, /^✓ file system/m);
});

/** Command lines that say nothing sensible, and what is said to them. */
const wrong: [string[], RegExp][] = [
  [[], /a command is missing/],
  [["dokter", "x"], /there is no command "dokter"/],
  [["--json"], /there is no command "--json"/],
  [["doctor"], /PATH is missing/],
  [["info"], /FILE is missing/],
  [["doctor", "a", "b"], /"b" is one word too many/],
  [["info", "a", "--wrong"], /Unknown option '--wrong'/],
  [["info", "a", "--json=yes"], /does not take an argument/],
  [["info", ""], /The path is empty/],
  [["static", "on"], /FILE is missing/],
  [["static", "fix", "a"], /"fix" is none of get, on, off/],
  [["static", "off", "a", "--align=2M"], /--align goes with on/],
  [["static", "on", "a", "--align=two"], /"two" is no number of bytes/],
];

for (const [words, message] of wrong) {
  test(`daxfile ${words.join(" ")}: usage on standard error, exit code 2`, async () => {
    const { status, stdout, stderr } = await inside(words);
    assertEquals([status, stdout], [2, ""]);
    assertMatch(stderr, message);
    assertStringIncludes(stderr, "Usage: daxfile");
  });
}

test("a wrong command line ends the process with 2", () => {
  const { status, stdout, stderr } = daxfile(["doctor"]);
  assertEquals([status, stdout], [2, ""]);
  assertStringIncludes(stderr, "Usage: daxfile doctor PATH");
});

test("a path that begins with a dash can be given after --", async () => {
  const { status, stdout } = await inside(["doctor", "--", "--odd"]);
  assertEquals(status, 0);
  assertStringIncludes(stdout, "--odd, which does not exist yet");
});

test("--help lists the commands, and each has its own", () => {
  const { status, stdout, stderr } = daxfile(["--help"]);
  assertEquals([status, stderr], [0, ""]);
  for (
    const word of ["doctor PATH", "info FILE", "static get|on|off FILE", "--json", "--version", "Exit code"]
  ) {
    assertStringIncludes(stdout, word);
  }
  assert(stdout.split("\n").every((line) => line.length <= 80));
  for (const command of ["doctor", "info", "static"]) {
    const own = daxfile([command, "--help"]);
    assertEquals(own.status, 0);
    assertStringIncludes(own.stdout, `Usage: daxfile ${command} `);
    assertStringIncludes(own.stdout, "--json");
  }
});

test("--version is that of deno.json and package.json", () => {
  const { status, stdout } = daxfile(["--version"]);
  assertEquals([status, stdout], [0, `${version}\n`]);
  for (const name of ["deno.json", "package.json"]) {
    assertEquals(JSON.parse(readFileSync(`${root}${name}`, "utf8")).version, version, name);
  }
});

test("without native code it says what is missing", () => {
  const broken = daxfile(["doctor", "."], { DAXFILE_LIBRARY: "/dev/null" });
  assertEquals(broken.status, 1);
  assertStringIncludes(broken.stderr, "(ENOEXEC)");
  if (here === "bun") return;
  // Not none at all: a child of a Deno that may do everything would inherit that
  const refused = daxfile(["doctor", "."], {}, ["--deny-ffi"]);
  assertEquals(refused.status, 1);
  assertStringIncludes(refused.stderr, "Run it with --allow-ffi");
});

test("a reader that has seen enough is no error", () => {
  const runtime = here === "deno" ? "run --quiet --no-prompt --allow-ffi" : "";
  const command = `set -o pipefail; "${executable(here)}" ${runtime} "${main}" doctor . | true`;
  const { status, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8" });
  assertEquals([status, stderr], [0, ""]);
});

for (const [noColor, coloured] of [["", true], ["1", false]] as const) {
  test(`on a terminal, NO_COLOR=${noColor}: ${coloured ? "colours" : "none"}`, () => {
    const permissions = ["--allow-ffi", "--allow-read"];
    const { stdout } = runChild(
      `
      import process from "node:process";
      process.stdout.isTTY = true;
      const { terminal } = await import(${JSON.stringify(`${root}src/cli/terminal.ts`)});
      console.log(JSON.stringify([terminal().style("red", "x"), terminal().columns]));
    `,
      { env: { NO_COLOR: noColor }, permissions },
    );
    assertEquals(JSON.parse(stdout), [coloured ? "\x1b[31mx\x1b[39m" : "x", 80]);
  });
}

test("the verdict of each granularity", () => {
  const base = {
    path: "f",
    exists: true,
    kind: "file",
    access: "write",
    devices: [],
    isStatic: false,
    checks: [],
  } as const;
  const said = (change: Partial<Probe>) => verdict({ ...base, durability: "power-loss", ...change });
  assertEquals(
    said({ granularity: "cache-line", flushMethod: "clwb" }),
    "open() gives cache-line granularity here: persist is clwb and a fence, no system call, and survives a power cut.",
  );
  assertStringIncludes(
    said({ granularity: "byte", flushMethod: "fence only" }),
    "persist is one fence, and survives",
  );
  assertStringIncludes(said({}), "can only be told once there is one");
  assertStringIncludes(
    said({ access: "read", refusal: { code: "EACCES", reason: "permission denied" } }),
    "permission denied (EACCES). With readOnly: true it succeeds.",
  );
});

test("words are wrapped, and a command is not broken", () => {
  assertEquals(wrap("one two three", 7), ["one two", "three"]);
  assertEquals(wrap("a-word-that-is-long x", 5), ["a-word-that-is-long", "x"]);
  assertEquals(wrap("use `mount -o dax`, then", 10), ["use", "`mount -o dax`,", "then"]);
  assertEquals(wrap("", 10), [""]);
});

test("columns are as wide as their widest cell", () => {
  assertEquals(table([["a", "1", "x"], ["bbb", "22", ""]], [1]), ["a     1  x", "bbb  22"]);
});

test("sizes in their largest unit", () => {
  const sizes: [number, string][] = [
    [0, "0 bytes"],
    [1, "1 byte"],
    [1023, "1023 bytes"],
    [1024, "1 KiB"],
    [
      1536,
      "1.5 KiB",
    ],
    [2 ** 40, "1 TiB"],
    [2 ** 53, "8 PiB"],
  ];
  for (const [bytes, text] of sizes) assertEquals(inUnits(bytes), text);
  assertEquals([counted(1, "extent"), counted(0, "extent")], ["1 extent", "0 extents"]);
});
