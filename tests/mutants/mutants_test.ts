// The mutation score can fail: what is planted survives, and is reported; what does the same is proven; what is no program counts.
// machines: none, it opens no file of ours

import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { readdirSync } from "node:fs";
import { spawn } from "node:child_process";
import process from "node:process";
import { executable, root } from "../helpers/child.ts";
import { disk } from "../helpers/places.ts";
import { sources } from "../trace/library.ts";
import { hoisted, maskTypeScript } from "./mask.ts";
import { useScratch } from "./scratch.ts";
import { ownSources } from "./sites.ts";
import { structureVerdicts } from "./structures.ts";
import { typescriptVerdicts } from "./typescript.ts";
import { Score, type Verdict } from "./verdict.ts";
import { Bench } from "./zig.ts";
import { zigSites } from "./zig_sites.ts";

const planted = { folder: "tests/mutants/planted", scenarios: "tests/mutants/planted/crash_scenarios.ts" };

async function all(verdicts: AsyncIterable<Verdict>): Promise<Verdict[]> {
  return await Array.fromAsync(verdicts);
}

/** The outcomes of the mutants of a line, by their operators. */
function at(verdicts: readonly Verdict[], text: string): Record<string, string> {
  return Object.fromEntries(
    verdicts.filter((verdict) => verdict.text === text).map(({ operator, outcome }) => [operator, outcome]),
  );
}

test("a structure's mutants: noticed, reported or proven to do the same", async () => {
  const verdicts = await all(structureVerdicts("", [planted]));
  assertEquals(at(verdicts, "store64")["without the fence"], "killed");
  assertEquals(new Set(Object.values(at(verdicts, "flush"))), new Set(["equivalent"]));
  const [, latest] = Map.groupBy(verdicts.filter(({ text }) => text === "persist"), ({ place }) => place)
    .values();
  assertEquals(new Set(latest!.map(({ outcome }) => outcome)), new Set(["survived"]));
  const unreached = verdicts.filter(({ reason }) => reason === "the crash scenarios never come here");
  assertEquals(unreached.map(({ text, outcome }) => `${text} ${outcome}`), [
    "fill survived",
    "persist survived",
  ]);
});

test("a structure without crash scenarios is no silence", async () => {
  const verdicts = await all(structureVerdicts("", [{ ...planted, scenarios: undefined }]));
  assertEquals(verdicts.map(({ outcome }) => outcome), Array(verdicts.length).fill("survived"));
  assertEquals(verdicts.length, 5);
});

test("a native call that nothing comes to survives", async () => {
  const files = ownSources().set(
    "src/planted.ts",
    'import { library } from "../ffi/library.ts";\nexport function planted(): void {\n  library().native.daxfile1_drain(0);\n}\n',
  );
  const verdicts = await all(typescriptVerdicts("src/planted.ts", files));
  assert(verdicts.length >= 3);
  for (const { place, outcome, reason } of verdicts) {
    assertEquals([place, outcome, reason], ["src/planted.ts:3", "survived", "the workload never comes here"]);
  }
});

test("a site that is made tomorrow is found, and so is assembly that nobody has explained", () => {
  const more = (code: string) =>
    zigSites(new Map(sources()).set("planted.zig", code)).filter(({ file }) => file === "planted.zig");
  const code = `const cache = @import("cache.zig").Cache(Machine);
fn planted(range: Range, mode: Mode) i32 {
    if (mode.temporal) return 0;
    return cache.persist(range, mode);
}
fn caller(range: Range, mode: Mode) void {
    _ = planted(range, mode);
    asm volatile ("clwb (%[line])" ::: .{ .memory = true });
}
`;
  const found = more(code).map(({ line, text }) => `${line} ${text}`);
  assertEquals(found, [
    "3 mode.temporal",
    "4 cache.persist(range, mode)",
    "7 planted(range, mode)",
    "8 clwb (%[line])",
  ]);
  const operators = more(code)[1]!.mutants.map(({ operator }) => operator);
  for (const operator of ["drop", "skip the last line", "misalign by 64", "only a fence"]) {
    assert(operators.includes(operator), operator);
  }
  const refused = (code: string, message: string) => assertThrows(() => more(code), Error, message);
  refused(
    `fn planted() void {\n    asm volatile ("wbinvd");\n}\n`,
    "zig/planted.zig:2: this assembly is new",
  );
  const flushes = `fn flushes() ?u8 {\n    asm volatile ("sfence");\n    return 0;\n}\n`;
  refused(`${flushes}const at = flushes();\n`, "zig/planted.zig:5: this call is in no function");
  const caller = "fn caller() void {\n    while (flushes()) |_| {}\n}\n";
  refused(flushes + caller, "zig/planted.zig:6: say in zig_sites.ts what flushes answers");
  const loop = `fn loop() void {\n    while (next()) |_| asm volatile ("sfence");\n    while (true) {}\n}\n`;
  assertEquals(more(loop).map(({ line, text }) => `${line} ${text}`), ["2 next()", "2 sfence", "3 true"]);
});

test("a native mutant: noticed, the same program, or none", async () => {
  using _ = useScratch();
  const from = sources(), source = from.get("cache.zig")!;
  const bench = await Bench.set(from, ["clflush"]);
  const site = { file: "cache.zig", line: 1, text: "", mutants: [], traps: [] };
  const find = async (text: string) => (await bench.find(site, text)).outcome;
  assertEquals(await find(source.replace("if (fenced) Machine.fence();", "")), "killed");
  assertEquals(await find(`${source}\n// the same\n`), "equivalent");
  assertEquals(await find(source.replace("pub inline fn", "pub inline")), "invalid");
});

test("what is not killed fails the run, and so does a run that kills nothing", () => {
  const outcomes = { killed: true, survived: false, equivalent: false, invalid: false } as const;
  for (const [outcome, passes] of Object.entries(outcomes)) {
    const score = new Score();
    score.add({ outcome: outcome as Verdict["outcome"] });
    assertEquals(score.isWhole, passes, outcome);
    if (!passes) continue;
    score.add({ outcome: "invalid" });
    assertEquals([score.isWhole, score.line], [false, "1 passed, 1 failed"]);
  }
});

test("a flush is hoisted over a statement that only does something, and over nothing else", () => {
  const moved = (source: string) => {
    const start = source.indexOf("m.flush");
    return hoisted(source, maskTypeScript(source), start, source.indexOf(")", start) + 1);
  };
  assertEquals(moved("{ a = 1; m.flush(0); }"), "{ m.flush(0); a = 1; }");
  assertEquals(moved("{ const a = 1; m.flush(a); }"), undefined);
  assertEquals(moved("{ if (a) b(); else m.flush(0); }"), undefined);
  assertEquals(moved('{ a("; m.flush(0)"); /* ; */ }'), undefined);
});

test("nothing is left of a run that is interrupted", async () => {
  using place = disk();
  const child = spawn(executable("deno"), [
    "run",
    "-A",
    "--no-check",
    `${root}tests/mutants/run.ts`,
    "src",
    "--verbose",
  ], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TMPDIR: place.directory },
  });
  child.stdout.once("data", () => child.kill("SIGINT"));
  // Deno takes a status of 130 for the signal that it stands for
  const ending = await new Promise((resolve) =>
    child.on("close", (status, signal) => resolve(signal === "SIGINT" ? 130 : status))
  );
  assertEquals([ending, readdirSync(place.directory)], [130, []]);
});
