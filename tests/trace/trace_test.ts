// The engine's recorded region is what the native library really does: its instructions are stepped through, in Deno and in Bun.
// machines: none, it steps through native code, which is the same everywhere

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { x86_64 } from "../../ffi/embedded/x86_64.ts";
import { disk } from "../helpers/places.ts";
import { stepsOf } from "./calls.ts";
import { wrongWith } from "./check.ts";
import type { NativeTrace } from "./events.ts";
import { withJournal } from "./instrument.ts";
import { assembled, assembly, build, sources } from "./library.ts";
import { journaled, traced } from "./tracer.ts";

for (const runtime of ["deno", "bun"] as const) {
  test(`${runtime}: the embedded library stores, flushes and fences as the recorded region says`, async () => {
    const stepped = await traced(runtime);
    assertEquals(await wrongWith(stepped), undefined);

    // What the mutants are judged by, which is twenty times as fast, sees the same
    using place = disk();
    writeFileSync(place.path("library.so"), await withJournal(await assembly(sources()) ?? ""));
    const journals = await journaled(runtime, place.path("library.so"));
    const steps = (traces: readonly NativeTrace[]) => traces.map((trace) => stepsOf(trace).join("\n"));
    assert(
      steps(stepped).join() === steps(journals).join(),
      "the journal differs from what is stepped through",
    );
  });
}

test("the library that is built here is the one that is embedded, also by way of its assembly", async () => {
  const built = await build(sources(), "x86_64");
  assert(typeof built !== "string", String(built));
  assertEquals(built.toBase64(), x86_64);
  assertEquals((await assembled(await assembly(sources()) ?? "")).toBase64(), x86_64);
});

test("an instruction that nobody has explained is an error of the journal's", async () => {
  const text = (code: string) => `\t.intel_syntax noprefix\n${code}\n`;
  for (const code of ["\trep movsb\tbyte ptr [rdi], byte ptr [rsi]", "\tfxsave\tdword ptr [rax]"]) {
    await assertRejects(() => withJournal(text(code)), Error, "This instruction is new");
  }
});

const broken: [string, string, string, RegExp][] = [
  [
    "the last line is not flushed",
    "if (line >= range.end) break;",
    "if (line + line_bytes >= range.end) break;",
    /clflush/,
  ],
  [
    "a copy is flushed before it is made",
    "source.store(Machine, part, at);\n            const flushed = cache.flush(part, mode);",
    "const flushed = cache.flush(part, mode);\n            source.store(Machine, part, at);",
    /copy.*store/,
  ],
  [
    "a commit does not flush what the one before has changed",
    "flush(&before, mode);",
    "_ = &before;",
    /commit.*clflush/,
  ],
  [
    "the writes of a commit are stored before its record is durable",
    "flush(&before, mode);",
    `flush(&before, mode);
                var early: Entries = .{ .list = batch, .region = region };
                while (early.next()) |entry| Machine.copy(entry.place.start, entry.source, entry.place.len());`,
    /commit.*store/,
  ],
  [
    "the last word of a record is not written",
    "if (tail.byte_length > 0) {",
    "if (tail.byte_length > 7) {",
    /record.*stream/,
  ],
  ["the fence is left out", `asm volatile ("sfence" ::: .{ .memory = true });`, "", /fence/],
];

for (const [what, from, to, where] of broken) {
  test(`a library that is broken on purpose is found out: ${what}`, async () => {
    using place = disk();
    const changed = new Map(Array.from(sources(), ([name, text]) => [name, text.replace(from, to)]));
    assert([...changed.values()].join("") !== [...sources().values()].join(""), "the source has changed");
    const built = await build(changed, "x86_64");
    assert(typeof built !== "string", String(built));
    writeFileSync(place.path("library.so"), built);
    const quick = ["clflush"];
    assertMatch(
      await wrongWith(await traced("bun", place.path("library.so"), quick), quick) ?? "nothing",
      where,
    );
  });
}
