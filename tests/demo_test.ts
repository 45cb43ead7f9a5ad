// The demo as its user sees it, and the ledger that it keeps: that what should be found is found, and that a fault would be seen.
// machines: none, it is about a program and its output; survival_test.ts has what it shows

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { audit, isSound } from "../examples/demo/audit.ts";
import { histogram, quantile } from "../examples/demo/histogram.ts";
import { headerBytes, Ledger, recordBytes } from "../examples/ledger.ts";
import { openPool } from "../src/transaction/mod.ts";
import { CorruptionError, DaxError, open, probe } from "../mod.ts";

const script = fileURLToPath(new URL("../examples/demo.ts", import.meta.url));
const run = "Deno" in globalThis
  ? ["run", "--allow-ffi", "--allow-run", "--allow-env", script]
  : ["run", script];
const short = ["--rounds", "2", "--seconds", "0.5"];
const totalsLine = /Made ([\d,]+) payments, ([\d,]+) of them acknowledged: 0 missing, 0 torn/;

/** A directory that is gone at the end of the test. */
class Folder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "daxfile-demo-"));
  file(name: string): string {
    return join(this.path, name);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A demo that runs in a directory; `output` grows. */
function start(folder: Folder, ...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, [...run, ...args], {
    cwd: folder.path,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout!.on("data", (text) => output.stdout += text);
  child.stderr!.on("data", (text) => output.stderr += text);
  const outcome = new Promise<Outcome>((resolve) => {
    child.on("close", (code, signal) => {
      // As a shell has it; Deno says "SIGINT" for exit code 130 as well
      resolve({ code: signal === null ? code : 128 + constants.signals[signal], ...output });
    });
  });
  return { child, output, outcome };
}

function demo(folder: Folder, ...args: string[]): Promise<Outcome> {
  return start(folder, ...args).outcome;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    assert(performance.now() < end, `Waited in vain: ${what}`);
    await wait(10);
  }
}

/** Whether nobody has the file open to write: a writer that lived on would. */
function isFree(path: string): boolean {
  try {
    open(path).close();
    return true;
  } catch (error) {
    if (error instanceof DaxError && error.code === "EBUSY") return false;
    throw error;
  }
}

function toNumber(text: string | undefined): number {
  return Number(text?.replaceAll(",", ""));
}

/** A small ledger with some payments: amounts 1 × `unit`, 2 × `unit`, … */
function fill(path: string, payments: number, unit = 100): void {
  using ledger = Ledger.open(path, { create: true, capacity: 60 });
  for (let i = 1; i <= payments; i++) ledger.pay(1, 2, i * unit);
}

/** Where the data of a small ledger begin in its file. */
const dataOffset = 8192;

/** Changes the bytes of a file. */
function change(path: string, body: (bytes: DataView) => void): Uint8Array {
  const bytes = readFileSync(path);
  body(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  writeFileSync(path, bytes);
  return bytes;
}

test("the demo finds every acknowledged payment, and a second run goes on", async () => {
  using folder = new Folder();
  const first = await demo(folder, ...short);
  assertEquals(first.stderr, "");
  assertEquals(first.code, 0);
  assertEquals(readdirSync(folder.path), ["demo.dax"]);
  assert(!first.stdout.includes("\x1b"), "no escape sequences where there is no terminal");

  const rounds = [
    ...first.stdout.matchAll(/^ +(\d) of 2 +[\d.]+ s +([\d,]+) +([\d,]+) +(\d+) +(\d+) +(\d+)$/gm),
  ];
  assertEquals(rounds.map(([, round]) => round), ["1", "2"]);
  for (const [, , acknowledged, found, unacknowledged, missing, torn] of rounds) {
    assertGreater(toNumber(acknowledged), 0);
    assertEquals(toNumber(found), toNumber(acknowledged) + toNumber(unacknowledged));
    assertEquals([missing, torn], ["0", "0"]);
  }
  const [, made, told] = totalsLine.exec(first.stdout)!;
  assertEquals(toNumber(made), rounds.reduce((sum, round) => sum + toNumber(round[3]), 0));
  assertEquals(toNumber(told), rounds.reduce((sum, round) => sum + toNumber(round[2]), 0));

  {
    using ledger = Ledger.open(folder.file("demo.dax"));
    assertEquals(ledger.count, toNumber(made));
    const { granularity, durability } = ledger.file;
    const { flushMethod, checks } = probe(ledger.file.path);
    const reason = checks.find(({ name }) => name === "granularity")!.reason;
    assertStringIncludes(first.stdout, `granularity  ${granularity}, by ${flushMethod}: ${reason}\n`);
    assertMatch(first.stdout, new RegExp(`durability   ${durability}: \\S`));
  }
  assertMatch(first.stdout, /persist +[\d.]+ (ns|µs|ms) for a cache line/);
  assertMatch(first.stdout, /– +[\d.]+ (ns|µs|ms|s) +█/);
  assertStringIncludes(first.stdout, "cannot show a power cut");

  const second = await demo(folder, ...short, "./demo.dax");
  assertEquals(second.code, 0);
  assertStringIncludes(second.stdout, `already holds ${made} payments`);
  const more = toNumber(totalsLine.exec(second.stdout)![1]);
  using ledger = Ledger.open(folder.file("demo.dax"));
  assertEquals(ledger.count, toNumber(made) + more);
});

test("a torn payment stops the demo, which leaves the ledger as it is", async () => {
  using folder = new Folder();
  const path = folder.file("ledger.dax");
  fill(path, 5);
  const bytes = change(path, (view) => view.setUint8(dataOffset + headerBytes + 2 * recordBytes + 40, 1));
  const { code, stderr } = await demo(folder, ...short, path);
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    "of 5 payments checked, 0 are missing, 1 torn and 0 do not add up; the first is number 3",
  );
  // An open to write uses up a number of the pool's
  assertEquals(readFileSync(path).subarray(dataOffset), bytes.subarray(dataOffset));
});

test("the demo refuses, in a sentence and with exit code 1, what it cannot use", async (t) => {
  using folder = new Folder();
  mkdirSync(folder.file("directory"));
  writeFileSync(folder.file("letter"), "Dear reader, ".repeat(1000));
  writeFileSync(folder.file("empty"), "");
  openPool(folder.file("other"), { create: true, size: 65536, layout: "prices" }).close();
  fill(folder.file("locked"), 1);
  using _lock = open(folder.file("locked"));
  const cases: [args: string[], says: string][] = [
    [["letter"], "it is not a pool"],
    [["other"], 'its layout is "prices", and "daxfile demo ledger 1" was asked for'],
    [["empty"], "the file is empty"],
    [["directory"], "is a directory"],
    [["nowhere/demo.dax"], "no such file or directory"],
    [["locked"], '"locked" is in use'],
    [["--rounds", "0"], "--rounds 0: 1 to 100"],
    [["--seconds", "soon"], "--seconds soon: 0.1 to 600"],
    [["one", "two"], "One PATH, not 2"],
    [[""], "PATH has 1 to 4095 characters"],
    [["--loud"], "Usage: demo [PATH]"],
  ];
  for (const [args, says] of cases) {
    await t.test(args.join(" "), async () => {
      const before = readdirSync(folder.path).sort();
      const contents = args.length === 1 && before.includes(args[0]!) && args[0] !== "directory"
        ? readFileSync(folder.file(args[0]!))
        : undefined;
      const { code, stdout, stderr } = await demo(folder, ...args);
      assertStringIncludes(stderr, says);
      assert(!/^\s+at /m.test(stderr), `no stack trace: ${stderr}`);
      assertEquals([code, stdout], [1, ""]);
      assertEquals(readdirSync(folder.path).sort(), before);
      if (contents !== undefined) assertEquals(readFileSync(folder.file(args[0]!)).equals(contents), true);
    });
  }
});

test("--help tells how to call it", async () => {
  using folder = new Folder();
  const { code, stdout } = await demo(folder, "--help");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "Usage: demo [PATH]");
  assertEquals(readdirSync(folder.path), []);
});

for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGKILL", 137]] as const) {
  test(`${signal} ends the demo and its writer`, async () => {
    using folder = new Folder();
    const { child, output, outcome } = start(folder, "--rounds", "100", "--seconds", "60");
    await until(() => output.stdout.includes("1 of 100"), "the first round");
    child.kill(signal);
    const { code, stderr } = await outcome;
    assertEquals([code, stderr], [expected, ""]);
    // After SIGKILL nobody is left to stop the writer: it stops when its next acknowledgement finds no reader
    await until(() => isFree(folder.file("demo.dax")), "the writer's end");
    using ledger = Ledger.open(folder.file("demo.dax"));
    assert(isSound(audit(ledger)));
  });
}

test("the demo ends without a word when nobody reads its output", async () => {
  using folder = new Folder();
  const { child, output, outcome } = start(folder, "--rounds", "100", "--seconds", "10");
  await until(() => output.stdout.includes("1 of 100"), "the first round");
  child.stdout!.destroy();
  const { code, stderr } = await outcome;
  assertEquals([code, stderr], [141, ""]);
  await until(() => isFree(folder.file("demo.dax")), "the writer's end");
});

test("a payment is one commit, of all that it changes", () => {
  using folder = new Folder();
  fill(folder.file("ledger.dax"), 2);
  const calls: string[] = [];
  const recorder = new Proxy(open(folder.file("ledger.dax")), {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        calls.push(String(name));
        return value.apply(target, args);
      };
    },
  });
  using ledger = new Ledger(openPool(recorder));
  ledger.pay(1, 2, 100);
  calls.length = 0;
  ledger.pay(1, 3, 300);
  assertEquals(calls, ["commit"]);
  assertEquals([1, 2, 3].map((account) => ledger.balance(account)), [-700, 400, 300]);
  assert(isSound(audit(ledger)));
});

test("a ledger keeps payments, and numbers and total go on when it is opened again", () => {
  using folder = new Folder();
  const path = folder.file("ledger.dax");
  fill(path, 3);
  fill(path, 2);
  using ledger = Ledger.open(path);
  assertEquals([ledger.first, ledger.count, ledger.total], [1, 5, 900]);
  const { number, amount, total, from, to, intact } = ledger.read(5);
  assertEquals({ number, amount, total, from, to, intact }, {
    number: 5,
    amount: 200,
    total: 900,
    from: 1,
    to: 2,
    intact: true,
  });
  assertEquals(audit(ledger), { checked: 5, missing: 0, torn: 0, wrongSums: 0 });
  assertEquals(audit(ledger, 4), { checked: 2, missing: 0, torn: 0, wrongSums: 0 });
});

test("a full ledger goes round", () => {
  using folder = new Folder();
  const path = folder.file("ledger.dax");
  fill(path, 150);
  {
    using ledger = Ledger.open(path);
    assertEquals([ledger.first, ledger.count, ledger.capacity], [91, 150, 60]);
    assertEquals(audit(ledger), { checked: 60, missing: 0, torn: 0, wrongSums: 0 });
  }
  fill(path, 1);
  using ledger = Ledger.open(path);
  assertEquals([ledger.first, ledger.count], [92, 151]);
  assert(isSound(audit(ledger)));
});

test("the audit sees a missing payment, a torn one and wrong sums", () => {
  using folder = new Folder();
  const path = folder.file("ledger.dax"), other = folder.file("other.dax");
  fill(path, 5);
  fill(other, 5, 200);
  using ledger = Ledger.open(path);
  const { file } = ledger;
  const good = file.view(Uint8Array).slice();
  const second = dataOffset + headerBytes + recordBytes;
  const found = (body: () => void, acknowledged?: number) => {
    body();
    const { missing, torn, wrongSums, firstFault } = audit(ledger, 1, acknowledged);
    file.write(0, good);
    return { missing, torn, wrongSums, firstFault };
  };
  assertEquals(found(() => {}, 5), { missing: 0, torn: 0, wrongSums: 0, firstFault: undefined });
  assertEquals(found(() => {}, 7), { missing: 2, torn: 0, wrongSums: 0, firstFault: 6 });
  assertEquals(found(() => file.fill(second, recordBytes)), {
    missing: 1,
    torn: 0,
    wrongSums: 0,
    firstFault: 2,
  });
  // Each of its words, one at a time; a payment under another number is not the one that was looked for
  for (let word = 8; word < recordBytes; word += 4) {
    const flip = () => file.view(Uint8Array)[second + word]! ^= 0x80;
    assertEquals(found(flip), { missing: 0, torn: 1, wrongSums: 0, firstFault: 2 }, `byte ${word}`);
  }
  const swap = () => {
    using from = open(other, { readOnly: true });
    file.write(second, from.view(Uint8Array, second, recordBytes));
  };
  const lend = () => file.view(Float64Array, dataOffset + 64, 1)[0] = 1;
  assertEquals(found(lend), { missing: 0, torn: 0, wrongSums: 1, firstFault: 5 });
  // The foreign payment does not follow from the first
  assertEquals(found(swap), { missing: 0, torn: 0, wrongSums: 1, firstFault: 2 });
});

test("a ledger that was damaged is refused", () => {
  using folder = new Folder();
  const path = folder.file("ledger.dax");
  const damage: ((file: DataView) => void)[] = [
    (file) => file.setUint8(7, 0),
    (file) => file.setUint32(12, 32, true),
    (file) => file.setUint8(60, 61),
    (file) => file.setFloat64(dataOffset, NaN, true),
    (file) => file.setFloat64(dataOffset, 2 ** 63, true),
  ];
  for (const body of damage) {
    rmSync(path, { force: true });
    fill(path, 1);
    change(path, body);
    assertThrows(() => Ledger.open(path, { create: true }), CorruptionError, path);
  }
});

test("a ledger that is not there is made only when that was asked for", () => {
  using folder = new Folder();
  assertThrows(() => Ledger.open(folder.file("none.dax")), DaxError, "ENOENT");
  assertEquals(readdirSync(folder.path), []);
});

test("a histogram counts every duration once and its rows are of one width", () => {
  const durations = new Float64Array([0, 9, 10, 19.9, 20, 150, 150, 999, 1000, 2.5e6, 1e9]);
  const rows = histogram(durations, 72);
  const counts = rows.map((row) => Number(/ (\d+) +(?:[\d.]+ %|< 0.1 %)?$/.exec(row)![1]));
  assertEquals(counts.reduce((sum, count) => sum + count), durations.length);
  assertEquals(new Set(rows.map((row) => row.length)), new Set([72]));
  assertMatch(rows[0]!, /^ {2}0 ns – {2}10 ns {2}█+ 2 +18.2 %$/);
  assertMatch(rows.at(-1)!, /^ {3}1 s – {4}2 s {2}█/);
  assertEquals(histogram(new Float64Array(), 72), []);
  assertEquals([quantile(durations, 0.5), quantile(durations, 1)], [150, 1e9]);
});
