// Every option refuses what is not its own with a TypeError or RangeError, before anything is opened or made.
// machines: files

import { assertEquals, assertThrows } from "@std/assert";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { DaxError, open, type OpenOptions } from "../mod.ts";
import { pageBytes } from "../src/options.ts";
import { makeFile } from "./helpers/bytes.ts";
import { disk, medium } from "./helpers/places.ts";

/** Values that are no number. */
const notNumbers: readonly [unknown, string][] = [
  ["4096", '"4096"'],
  [null, "null"],
  [4096n, "4096n"],
  [{}, "an object (Object)"],
  [[4096], "an object (Array)"],
  [true, "true"],
  [Symbol("x"), "Symbol(x)"],
  [() => 4096, "the function"],
];

const fractions = [NaN, Infinity, -Infinity, 0.5, 4096.5, -1, -4096, 2 ** 53, 2 ** 63, 2 ** 64, 1e300];

/** What each numeric option refuses beside the above. */
const numbers: Record<"size" | "mode" | "align", readonly number[]> = {
  size: [0, -0],
  mode: [0o10000],
  align: [3, 5000, 4096 + 4095, 2 ** 31],
};

for (const [name, more] of Object.entries(numbers)) {
  test(`${name} is an integer in its range`, () => {
    using place = medium();
    for (const value of [...fractions, ...more]) {
      const options = { create: true, size: 4096, [name]: value };
      assertThrows(() => open(place.path(), options), RangeError, String(value));
    }
    for (const [value, words] of notNumbers) {
      const options = { create: true, size: 4096, [name]: value } as OpenOptions;
      const error = assertThrows(() => open(place.path(), options), TypeError, words);
      assertEquals(error.message.includes(name), true, error.message);
    }
    assertEquals(existsSync(place.path()), false);
  });
}

for (const name of ["create", "exclusive", "readOnly", "sparse", "guard"] as const) {
  test(`${name} is true or false`, () => {
    using place = medium();
    for (const value of [1, 0, "true", "", null, {}, []]) {
      const options = { create: true, size: 4096, [name]: value } as OpenOptions;
      assertThrows(() => open(place.path(), options), TypeError, `${name} is true or false`);
    }
    assertEquals(existsSync(place.path()), false);
  });
}

const choices = {
  static: [1, "yes", "PREFER", null, {}],
  lock: ["Exclusive", "", true, false, null, 1],
  granularity: [999, "", "line", "PAGE", "cache_line", null, true],
  forceGranularity: [999, "", "line", "PAGE", "cache_line", null, true],
};

for (const [name, values] of Object.entries(choices)) {
  test(`${name} is one of its words`, () => {
    using place = medium();
    for (const value of values) {
      const options = { create: true, size: 4096, [name]: value } as OpenOptions;
      assertThrows(() => open(place.path(), options), TypeError, name);
    }
    assertEquals(existsSync(place.path()), false);
  });
}

test("undefined is every option's default", () => {
  using place = medium();
  makeFile(place.path(), 4096);
  const names = [
    "create",
    "exclusive",
    "size",
    "sparse",
    "mode",
    "readOnly",
    "static",
    "align",
    "syscallNumber",
    "granularity",
  ];
  for (const name of [...names, "forceGranularity", "lock", "guard"]) {
    using file = open(place.path(), { [name]: undefined } as OpenOptions);
    assertEquals([file.size, file.readOnly], [4096, false], name);
  }
});

test("an option that there is not is named, with those that there are", () => {
  using place = medium();
  const options = { create: true, size: 4096, readonly: true } as OpenOptions;
  const error = assertThrows(() => open(place.path(), options), TypeError, "no option readonly");
  assertEquals(error.message.includes("readOnly"), true);
});

test("options is an object", () => {
  using place = medium();
  for (const options of [null, 5, "create", true, 5n, Symbol("x"), () => {}]) {
    assertThrows(() => open(place.path(), options as OpenOptions), TypeError, "options is an object");
  }
});

test("options that contradict each other", () => {
  using place = medium();
  assertThrows(() => open(place.path(), { exclusive: true }), TypeError, "create");
  assertThrows(() => open(place.path(), { create: true, readOnly: true, size: 1 }), TypeError, "readOnly");
});

test("align is a power of two, and no less than a page", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  for (const align of [0, -0, pageBytes(), 2 ** 21, 2 ** 30]) open(path, { align }).close();
  for (const align of [1, 2, pageBytes() / 2]) {
    assertThrows(() => open(path, { align }), RangeError, `${align} is less than the page size`);
  }
});

test("mode may be 0 of either sign", () => {
  using place = medium();
  open(place.path("a"), { create: true, size: 4096, mode: 0 }).close();
  open(place.path("b"), { create: true, size: 4096, mode: -0 }).close();
});

test("static: true is ENOTSUP with a reason and a way out, prefer goes on without", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  const error = assertThrows(() => open(path, { static: true }), DaxError, path);
  assertEquals(error.code, "ENOTSUP");
  assertEquals(error.hint?.includes("without static"), true);
  for (const wanted of ["prefer", false] as const) {
    using file = open(path, { static: wanted });
    assertEquals(file.isStatic, false);
  }
});
