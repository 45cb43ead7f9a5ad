// Each type of field gives back what it was given, or refuses it; what nobody stored is refused when it is read.
// machines: none, it is about the bytes of a file, wherever that lies; places_test.ts is about the medium

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { CorruptionError, open } from "../../mod.ts";
import {
  array,
  bool,
  bytes,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  struct,
  u16,
  u32,
  u64,
  u8,
  utf8,
} from "../../src/struct/mod.ts";
import type { Accessor, Fields, Type } from "../../src/struct/mod.ts";
import { fresh } from "../../src/struct/cells.ts";
import { difference } from "../helpers/bytes.ts";
import { memory } from "../helpers/places.ts";

const integers = { u8, i8, u16, i16, u32, i32 };
const All = struct({
  ...integers,
  u64,
  i64,
  f32,
  f64,
  bool,
  name: utf8(8),
  raw: bytes(3),
  list: array(u16, 3),
  in: struct({ a: u8 }),
});

/** A record in memory, whose other fields must not change. */
function alone<T extends Type>(type: T) {
  const bytes = new Uint8Array(64).fill(0xaa);
  return {
    bytes,
    record: struct({ field: type }).over(new DataView(bytes.buffer), 32) as unknown as { field: unknown },
  };
}

/** The same test on a file and over a view, whose accessors are classes of their own. */
function onBoth(body: (all: Accessor<typeof All.fields>) => void): void {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 });
  body(All.at(file, 64));
  body(All.over(new DataView(new ArrayBuffer(256)), 64));
}

test("integers take their whole range, and nothing else", () => {
  for (const [name, type] of Object.entries(integers)) {
    const bits = type.byteLength * 8, isSigned = name.startsWith("i");
    const least = isSigned ? -(2 ** (bits - 1)) : 0, most = 2 ** (isSigned ? bits - 1 : bits) - 1;
    const { record, bytes } = alone(type);
    for (const value of [least, -0, 0, 1, most]) {
      record.field = value;
      assertEquals(record.field, value + 0, name);
    }
    const before = bytes.slice();
    for (const value of [least - 1, most + 1, 0.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 32 + 1]) {
      assertThrows(
        () => record.field = value,
        RangeError,
        `${value} does not fit into ${name}: it takes integers from`,
      );
    }
    for (const value of ["1", null, undefined, true, {}, [1]]) {
      assertThrows(() => record.field = value, TypeError, `is no ${name}: it takes integers`);
    }
    assertThrows(() => record.field = 1n, TypeError);
    assertEquals(bytes, before);
  }
});

test("integers of 64 bits are bigints, of their whole range", () => {
  for (
    const [type, least, most] of [[u64, 0n, 2n ** 64n - 1n], [i64, -(2n ** 63n), 2n ** 63n - 1n]] as const
  ) {
    const { record, bytes } = alone(type);
    for (const value of [least, 0n, 1n, 2n ** 53n, 2n ** 63n - 1n, most]) {
      record.field = value;
      assertEquals(record.field, value);
    }
    const before = bytes.slice();
    for (const value of [least - 1n, most + 1n, 2n ** 64n, -(2n ** 64n)]) {
      assertThrows(() => record.field = value, RangeError, `${value}n does not fit into ${type.name}`);
    }
    for (const value of [1, "1", null, true]) {
      assertThrows(() => record.field = value, TypeError, `is no ${type.name}: it takes bigints`);
    }
    assertEquals(bytes, before);
  }
});

test("floating-point numbers take any number; f32 rounds as Math.fround", () => {
  for (const type of [f32, f64]) {
    const { record } = alone(type);
    for (const value of [0, -0, 0.1, 1e300, -1e300, 5e-324, NaN, Infinity, -Infinity]) {
      record.field = value;
      assert(Object.is(record.field, type === f32 ? Math.fround(value) : value), `${type.name} ${value}`);
    }
    for (const value of ["1", null, undefined, true, 1n]) {
      assertThrows(() => record.field = value, TypeError, `is no ${type.name}: it takes numbers`);
    }
  }
});

test("a bool is one byte, 0 or 1, and any other is corruption", () => {
  const { record, bytes } = alone(bool);
  for (const value of [true, false]) {
    record.field = value;
    assertEquals([record.field, bytes[32]], [value, Number(value)]);
  }
  for (const value of [1, 0, "true", null]) assertThrows(() => record.field = value, TypeError, "is no bool");
  bytes[32] = 2;
  assertThrows(() => record.field, CorruptionError, "it is 2, and not 0 or 1, at byteOffset 32");
});

test("text is what was written, NUL-padded, or refused; never cut", () => {
  const { record, bytes } = alone(utf8(8));
  for (const value of ["", "a", "12345678", "é€", "🦕🦕", "\uFEFFa", "\t\n"]) {
    record.field = "xxxxxxxx";
    record.field = value;
    assertEquals(record.field, value);
    const encoded = new TextEncoder().encode(value);
    assertEquals(bytes.subarray(32, 40), new Uint8Array([...encoded, ...new Uint8Array(8 - encoded.length)]));
  }
  const before = bytes.slice();
  assertThrows(() => record.field = "123456789", RangeError, "it has 9 bytes, at most 8 fit");
  assertThrows(() => record.field = "🦕🦕a", RangeError, "it has 9 bytes, at most 8 fit");
  assertThrows(() => record.field = "1234567é", RangeError, "it has 9 bytes");
  for (const value of ["a\0", "\0", "\ud83e", "a\udd95"]) {
    assertThrows(() => record.field = value, RangeError, "holds a NUL or half a surrogate pair");
  }
  for (const value of [1, null, undefined, {}, new Uint8Array(1)]) {
    assertThrows(() => record.field = value, TypeError, "is no utf8(8): it takes a string");
  }
  assertEquals(bytes, before);
});

test("text that another program wrote ends at the first NUL, and is corrupt if it is no UTF-8 before that", () => {
  const { record, bytes } = alone(utf8(8));
  bytes.set([0x61, 0, 0xff, 0xff], 32);
  assertEquals(record.field, "a");
  for (const wrong of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0xa6], [0x80]]) {
    bytes.fill(0, 32, 40).set(wrong, 32);
    assertThrows(
      () => record.field,
      CorruptionError,
      "Cannot read utf8(8): it is not UTF-8, at byteOffset 32",
    );
  }
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 });
  const all = All.at(file, 64), at = 64 + All.offsetOf("name");
  file.view(Uint8Array)[at] = 0xff;
  const error = assertThrows(
    () => all.name,
    CorruptionError,
    `Cannot read utf8(8) "${place.path()}": it is not UTF-8`,
  );
  assertEquals((error as CorruptionError).byteOffset, at);
});

test("bytes are copied, as many as there are", () => {
  onBoth((all) => {
    const given = new Uint8Array([1, 2, 3]);
    all.raw = given;
    given[0] = 9;
    const copy = all.raw;
    copy[1] = 9;
    assertEquals([...all.raw], [1, 2, 3]);
    for (const length of [0, 2, 4]) {
      assertThrows(
        () => all.raw = new Uint8Array(length),
        RangeError,
        `${length} bytes do not fit into bytes(3): it takes exactly 3`,
      );
    }
    assertThrows(
      () => all.raw = [1, 2, 3] as unknown as Uint8Array<ArrayBuffer>,
      TypeError,
      "is no bytes(3)",
    );
  });
});

test("arrays: at, set, length, iteration, and no index that is not one", () => {
  onBoth(({ list }) => {
    list.set(0, 7);
    list.set(2, 9);
    assertEquals([list.length, list.at(2), [...list], list.toJSON()], [3, 9, [7, 0, 9], [7, 0, 9]]);
    for (const index of [-1, 3, 0.5, NaN, Infinity, "1" as unknown as number]) {
      assertThrows(
        () => list.at(index),
        RangeError,
        `index ${index} is not one of an array of 3 u16: an integer from 0 to 2`,
      );
      assertThrows(() => list.set(index, 1), RangeError, "is not one of");
    }
    assertThrows(() => list.set(0, 65536), RangeError, "65536 does not fit into u16");
  });
});

test("set takes some fields or all, and toJSON gives what set takes", () => {
  onBoth((all) => {
    const values = {
      ...{
        u8: 1,
        i8: -1,
        u16: 2,
        i16: -2,
        u32: 3,
        i32: -3,
        u64: 4n,
        i64: -4n,
        f32: 0.5,
        f64: 0.1,
        bool: true,
      },
      ...{ name: "Zoë", raw: new Uint8Array([1, 2, 3]), list: [4, 5, 6], in: { a: 7 } },
    };
    all.set(values);
    assertEquals(all.toJSON(), values);
    all.set({ u8: 9, in: {}, list: new Set([1, 2, 3]) });
    assertEquals(all.toJSON(), { ...values, u8: 9, list: [1, 2, 3] });
    assertThrows(
      () => all.set({ u8: 1, nothing: 1 } as object),
      TypeError,
      "There is no field nothing: there are u8, i8",
    );
    assertThrows(() => all.set(all as object), TypeError, "There is no field");
    assertThrows(() => all.set({ list: [1, 2] }), RangeError, "2 values do not fit into an array of 3 u16");
    assertThrows(() => all.set({ list: 5 } as object), TypeError, "5 is no array of 3 u16");
    assertThrows(() => all.set({ in: null } as object), TypeError, "null is no object of fields");
    assertEquals(all.toJSON(), { ...values, u8: 9, list: [1, 2, 3] });
    assertEquals(JSON.parse(JSON.stringify(all.in)), { a: 7 });
    assert(inspect(all).includes("'Zoë'") || inspect(all).includes('"Zoë"'), inspect(all));
  });
});

test("structs that cannot be are refused when they are made", () => {
  const make = (fields: object) => () => struct(fields as Fields);
  assertThrows(make({}), TypeError, "at least one field");
  for (
    const name of [
      "persist",
      "set",
      "toJSON",
      "$at",
      "constructor",
      "__proto__",
      "toString",
      "hasOwnProperty",
    ]
  ) {
    assertThrows(make(Object.fromEntries([[name, u8]])), TypeError, `A field cannot be named ${name}`);
  }
  assertThrows(make({ __proto__: u8 }), TypeError, "plain object");
  assertThrows(make({ b: u8, 1: u8 }), TypeError, "JavaScript moves numbers before all other names");
  assertThrows(make({ [Symbol("s")]: u8 }), TypeError, "named by a string");
  assertThrows(make({ a: 1 }), TypeError, "The type of field a is 1, and no type");
  assertThrows(make({ a: undefined }), TypeError, "The type of field a is undefined");
  for (const fields of [null, 1, [u8], new Map()]) {
    assertThrows(make(fields as object), TypeError, "plain object");
  }
  for (const length of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    for (const type of [utf8, bytes, (n: number) => array(u8, n)]) {
      assertThrows(() => type(length), RangeError, `${length} is not an integer from 1`);
    }
  }
  assertThrows(() => utf8("8" as unknown as number), TypeError, "byteLength is a number, not string");
  assertThrows(() => array(u16, 2 ** 52), RangeError, "at most 2^53 - 1");
  assertThrows(() => array(5 as unknown as Type, 1), TypeError, "The type of an array's elements is 5");
  assertThrows(make({ a: bytes(2 ** 53 - 1), b: u8 }), RangeError, "at most 2^53 - 1");
  assertThrows(() => All.offsetOf("nothing" as "u8"), TypeError, "There is no field nothing");
});

test("a struct cannot be changed, nor by changing what it was made of", () => {
  const fields = { a: u8, b: u8 } as Record<string, Type>, made = struct(fields);
  fields["c"] = u8;
  assertEquals(Object.keys(made.fields), ["a", "b"]);
  assertThrows(() => (made as { byteLength: number }).byteLength = 9, TypeError);
  assertThrows(() => (u8 as { byteLength: number }).byteLength = 9, TypeError);
});

test("any values written through set are those that are read, next to untouched bytes", () => {
  const values = fc.record({
    u8: fc.integer({ min: 0, max: 255 }),
    i16: fc.integer({ min: -32768, max: 32767 }),
    u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    f32: fc.float(),
    f64: fc.double(),
    bool: fc.boolean(),
    name: fc.string({ unit: fc.constantFrom("a", "\t", "é", "\uFEFF", "€", "🦕"), maxLength: 8 })
      .filter((text) => new TextEncoder().encode(text).length <= 8),
    raw: fc.uint8Array({ minLength: 3, maxLength: 3 }),
    list: fc.array(fc.integer({ min: 0, max: 65535 }), { minLength: 3, maxLength: 3 }),
  }, { requiredKeys: [] });
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 });
  const whole = file.view(Uint8Array), over = new DataView(new ArrayBuffer(4096));
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 40 }), (given, place) => {
      const at = place * 8;
      whole.fill(0x01);
      new Uint8Array(over.buffer).fill(0x01);
      const before = All.at(file, at).toJSON();
      for (const record of [All.at(file, at), All.over(over, at)]) {
        record.set(given);
        assertEquals(record.toJSON(), { ...before, ...given });
      }
      assertEquals(difference(new Uint8Array(over.buffer), whole), -1);
      assert(whole.subarray(0, at).every((byte) => byte === 1));
      assert(whole.subarray(at + All.byteLength).every((byte) => byte === 1));
    }),
    { numRuns: 200 },
  );
});

test("fresh calls a copy, and the function itself where a copy cannot be had or means nothing", () => {
  // Not 5, which Bun would write in its place
  const outside = Math.max(5), { Function } = globalThis;
  assertEquals(fresh(() => typeof outside), "undefined");
  // A bundler may make a text that refers to something outside
  assertEquals(fresh(() => outside), 5);
  try {
    globalThis.Function = class {
      constructor() {
        throw new EvalError("Code generation from strings disallowed for this context");
      }
    } as unknown as FunctionConstructor;
    assertEquals(fresh(() => typeof outside), "number");
    const { record } = alone(array(u16, 3));
    (record.field as { set(index: number, value: number): void }).set(1, 5);
    assertEquals([...record.field as Iterable<number>][1], 5);
  } finally {
    globalThis.Function = Function;
  }
});
