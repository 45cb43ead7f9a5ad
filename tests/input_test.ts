// Every number of every method: what is no offset or length of this file is a RangeError or TypeError that names it and the limit.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { type DaxFile, open } from "../mod.ts";
import { difference, pattern } from "./helpers/bytes.ts";
import { medium } from "./helpers/places.ts";

const size = 8192;

/** Numbers that are never an offset or a length, and what a message about them must say. */
const notWhole: readonly [number, string][] = [
  [-1, "-1 is not an integer from 0 to 2^53 - 1"],
  [-8, "-8 is not an integer from 0 to 2^53 - 1"],
  [-Number.MAX_SAFE_INTEGER, "2^53 - 1"],
  [0.5, "0.5 is not an integer"],
  [8.000001, "8.000001 is not an integer"],
  [NaN, "NaN is not an integer"],
  [Infinity, "Infinity is not an integer"],
  [-Infinity, "-Infinity is not an integer"],
  [2 ** 53, "2^53 - 1"],
  [2 ** 63, "2^53 - 1"],
  [2 ** 64, "2^53 - 1"],
  [1e300, "1e+300"],
];

/** Values that are no number, and how a message calls them. */
const notNumbers: readonly [unknown, string][] = [
  ["8", '"8"'],
  ["", '""'],
  [null, "null"],
  [8n, "8n"],
  [true, "boolean true"],
  [{}, "an object (Object)"],
  [[8], "an object (Array)"],
  [{ valueOf: () => 8 }, "an object (Object)"],
  [Object.create(null), "an object (no class)"],
  [new Date(0), "an object (Date)"],
  [Symbol("s"), "Symbol(s)"],
  [() => 8, "the function"],
];

interface Parameter {
  name: string;
  call: (file: DaxFile, value: number) => void;
  /** What else it refuses: numbers that are whole, but too large or of nothing. */
  outside: readonly number[];
  /** What it takes. */
  inside: readonly number[];
  /** undefined and views stand for something else there. */
  optional?: boolean;
  view?: boolean;
}

const past = [size, size + 8, 2 ** 31, 2 ** 32, 2 ** 32 + 8, Number.MAX_SAFE_INTEGER];
const tooLong = [0, size + 1, 2 ** 32, 2 ** 32 + 8, Number.MAX_SAFE_INTEGER];
const source = new Uint8Array(8);

const parameters: readonly Parameter[] = [
  {
    name: "view byteOffset",
    call: (file, value) => void file.view(Float64Array, value, 1),
    outside: past,
    inside: [0, -0, 8, size - 8],
    optional: true,
  },
  {
    name: "view byteOffset, without a length",
    call: (file, value) => void file.view(Uint8Array, value),
    outside: past,
    inside: [0, -0, 1, size - 1],
    optional: true,
  },
  {
    name: "view length",
    call: (file, value) => void file.view(Float64Array, 8, value),
    outside: [0, -0, size / 8, 2 ** 29, 2 ** 32, Number.MAX_SAFE_INTEGER],
    inside: [1, size / 8 - 1],
    optional: true,
  },
  ...(["persist", "flush", "deepFlush"] as const).flatMap((method): Parameter[] => [
    {
      name: `${method} byteOffset`,
      call: (file, value) => file[method](value, 8),
      outside: [...past, size - 7],
      inside: [0, -0, 1, size - 8],
      optional: true,
      view: true,
    },
    {
      name: `${method} byteOffset, without a length`,
      call: (file, value) => file[method](value),
      outside: past,
      inside: [0, -0, 1, size - 1],
      optional: true,
      view: true,
    },
    {
      name: `${method} byteLength`,
      call: (file, value) => file[method](8, value),
      outside: [...tooLong, -0, size - 7],
      inside: [1, size - 8],
      optional: true,
    },
  ]),
  {
    name: "write byteOffset",
    call: (file, value) => file.write(value, source),
    outside: [...past, size - 7],
    inside: [0, -0, 1, size - 8],
  },
  {
    name: "fill byteOffset",
    call: (file, value) => file.fill(value, 8),
    outside: [...past, size - 7],
    inside: [0, -0, 1, size - 8],
  },
  {
    name: "fill byteLength",
    call: (file, value) => file.fill(8, value),
    outside: [...tooLong, -0, size - 7],
    inside: [1, size - 8],
  },
  {
    name: "store64 byteOffset",
    call: (file, value) => file.store64(value, 0),
    outside: [...past, 1, 4, 7, size - 1],
    inside: [0, -0, 8, size - 8],
  },
];

for (const forceGranularity of ["cache-line", "page"] as const) {
  for (const { name, call, outside, inside, optional, view } of parameters) {
    test(`${name} (${forceGranularity})`, () => {
      using place = medium();
      using file = open(place.path(), { create: true, size, forceGranularity });
      const before = pattern(size);
      file.write(0, before);
      const parameter = name.split(/[ ,]/)[1]!;
      for (const [value, words] of notWhole) {
        const error = assertThrows(() => call(file, value), RangeError, words);
        assert(error.message.includes(parameter), error.message);
      }
      for (const value of outside) {
        const error = assertThrows(() => call(file, value), RangeError, `${value === 0 ? 0 : value}`);
        const limit = /\b8192\b|0 bytes|multiple of 8/.test(error.message);
        assert(limit, `${error.message} names no limit`);
      }
      for (const [value, words] of notNumbers) {
        // An object where a view may stand is a view of another file, if anything
        const isObject = view === true && typeof value === "object" && value !== null;
        const error = assertThrows(() => call(file, value as number), TypeError, isObject ? "" : words);
        assert(isObject || error.message.includes(parameter), error.message);
      }
      if (optional !== true) {
        assertThrows(() => call(file, undefined as unknown as number), TypeError, "undefined");
      }
      assertEquals(difference(file.view(Uint8Array), before), -1, "a refused call changed the file");
      for (const value of inside) call(file, value);
      if (optional === true) call(file, undefined as unknown as number);
    });
  }
}

test("sums that would wrap in 32, 53 or 64 bits do not", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size });
  const most = Number.MAX_SAFE_INTEGER;
  for (
    const [byteOffset, byteLength] of [[8, 2 ** 32 - 8], [8, most], [most, most], [
      4096,
      most - 4095,
    ]] as const
  ) {
    for (const method of ["persist", "flush", "deepFlush", "fill"] as const) {
      assertThrows(() => file[method](byteOffset, byteLength), RangeError, "8192");
    }
    assertThrows(() => file.view(Uint8Array, byteOffset, byteLength), RangeError, "8192");
    assertThrows(() => file.view(DataView, byteOffset, byteLength), RangeError, "8192");
  }
  assertThrows(() => file.view(Float64Array, 0, 2 ** 50 + 1), RangeError, "8192");
  assertThrows(() => file.view(Float64Array, 8, 2 ** 61), RangeError, "2^53");
});
