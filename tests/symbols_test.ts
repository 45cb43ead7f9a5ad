// One table of native functions: what TypeScript calls, what root.zig exports and what the embedded libraries hold are the same.
// machines: none, it opens no file of ours

import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { aarch64 } from "../ffi/embedded/aarch64.ts";
import { x86_64 } from "../ffi/embedded/x86_64.ts";
import { abiVersion, Map as MapFlag, Mode, type Signature, symbols, versionSymbol } from "../ffi/symbols.ts";
import { methodName } from "../src/durability.ts";
import { root } from "./helpers/child.ts";
import { exportsOf, neededBy } from "./helpers/elf.ts";

interface Function {
  name: string;
  parameters: string[];
  result: string;
}

const zig = (name: string) => readFileSync(`${root}zig/${name}`, "utf8");

/** One line of parameters, or one for each. */
const split = (parameters: string) => parameters.trim().replace(/,$/, "").split(/,\s+/);

/** The exported functions of root.zig, in their order. */
function exported(): Function[] {
  const functions = [...zig("root.zig").matchAll(/^export fn (\w+)\(([^)]*)\) (\w+) \{$/gm)];
  return functions.map(([, name, parameters, result]) => ({
    name: name!,
    parameters: parameters === "" ? [] : split(parameters!).map((parameter) => parameter.split(": ")[1]!),
    result: result!,
  }));
}

const table = { ...versionSymbol, ...symbols } as Record<string, Signature>;

/** camelCase, as Zig's names are not. */
const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

test("root.zig exports the functions of the table, in the same order, with the same types", () => {
  const called = Object.entries(table).map(([name, { parameters, result }]) => ({
    name,
    parameters: Object.values<string>(parameters),
    result: result as string,
  }));
  assertEquals(exported(), called);
});

test("the parameters have the same names in the same order", () => {
  const inZig = [...zig("root.zig").matchAll(/^export fn (\w+)\(([^)]*)\)/gm)].map(([, name, parameters]) => [
    name!,
    parameters === ""
      ? []
      : split(parameters!).map((parameter) => parameter.split(": ")[0]!.replace(/^_$/, "")),
  ]);
  const inTable = Object.entries(table).map((
    [name, { parameters }],
  ) => [name, Object.keys(parameters).map(snake)]);
  assertEquals(inZig, inTable);
});

test("every line of root.zig that exports is one that these tests read", () => {
  const lines = zig("root.zig").split("\n").filter((line) =>
    /\bexport\b|@export/.test(line) && !line.trimStart().startsWith("//")
  );
  assertEquals(lines.length, exported().length);
});

test("only f64, u32 and i32 cross the boundary", () => {
  for (const { name, parameters, result } of exported()) {
    for (const type of [...parameters, result]) {
      assert(["f64", "u32", "i32"].includes(type), `${name}: ${type}`);
    }
  }
});

for (const [architecture, base64] of Object.entries({ x86_64, aarch64 })) {
  test(`the library for ${architecture} exports the table and nothing else, needs no other, and is at most 16 KiB`, () => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    assertEquals([...exportsOf(bytes).keys()].sort(), Object.keys(table).sort());
    assertEquals(neededBy(bytes), []);
    assert(bytes.byteLength <= 16 * 1024, `${bytes.byteLength} bytes`);
  });
}

test("the version is the number in every name", () => {
  for (const name of Object.keys(symbols)) assert(name.startsWith(`daxfile${abiVersion}_`), name);
});

test("the bits of the mode are those of mode.zig", () => {
  const text = zig("mode.zig");
  const methods = [...text.matchAll(/^ {4}(\w+) = (\d+),$/gm)].map((
    [, name, value],
  ) => [name, Number(value)]);
  const { fence, clwb, clflushopt, clflush, cvap, cvac, msync } = Mode;
  assertEquals(Object.fromEntries(methods), { fence, clwb, clflushopt, clflush, cvap, cvac, msync });
  for (const [name, value] of methods) assert(methodName(value as number) !== "?", `${name} has no words`);
  const struct = /pub const Mode = packed struct\(u32\) \{\n([\s\S]*?)\n\n/.exec(text)![1]!;
  const places = new Map<string, number>();
  let bit = 0;
  for (const [, name, type] of struct.matchAll(/^ {4}(\w+): (\w+)/gm)) {
    places.set(name!, bit);
    bit += type === "bool" ? 1 : type === "Method" ? 4 : Number(type!.slice(1));
  }
  assertEquals(bit, 32);
  assertEquals([places.get("method"), places.get("page_shift")], [0, Mode.pageShift]);
  const { avx, avx512, nontemporal, temporal, noDrain, crc32c } = Mode;
  for (const [name, value] of Object.entries({ avx, avx512, nontemporal, temporal, noDrain, crc32c })) {
    assertEquals(2 ** places.get(snake(name))!, value, name);
  }
});

test("the flags of a mapping are those of mapping.zig", () => {
  const struct = /pub const Flags = packed struct\(u32\) \{\n([\s\S]*?)\n\};/.exec(zig("mapping.zig"))![1]!;
  const fields = [...struct.matchAll(/^ {4}(\w+|@"\w+"): bool/gm)].map(([, name]) =>
    name!.replaceAll(/@|"/g, "")
  );
  assertEquals(Object.fromEntries(fields.map((name, bit) => [name, 2 ** bit])), { ...MapFlag });
});
