// Views are the file's own bytes: every type, every place in a file of any size, and no place outside it.
// machines: files

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { closeSync, openSync, writeSync } from "node:fs";
import { test } from "node:test";
import { type DaxFile, open, type ViewConstructor } from "../mod.ts";
import { makeHole, readAt } from "./helpers/bytes.ts";
import { medium, memory, type Place } from "./helpers/places.ts";

const GiB = 2 ** 30;

/** Every class of views that this runtime has. */
const viewTypes = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  ...("Float16Array" in globalThis ? [globalThis["Float16Array" as never] as typeof Float32Array] : []),
] as unknown as readonly (ViewConstructor<Uint8Array> & { name: string; BYTES_PER_ELEMENT: number })[];

function small(place: Place): DaxFile {
  return open(place.path(), { create: true, size: 4096 });
}

/** 64 GiB of holes: takes no memory but for what is written. */
function huge(place: Place, readOnly = false): DaxFile {
  const path = makeHole(place.path(), 64 * GiB);
  return open(path, readOnly ? { readOnly } : { sparse: true });
}

for (const type of viewTypes) {
  test(`${type.name}: elements are stored in the file as the processor stores them`, () => {
    using place = medium();
    using file = small(place);
    const element = type.BYTES_PER_ELEMENT;
    const one = (type.name.startsWith("Big") ? 1n : 1) as number;
    const view = file.view(type, 5 * element, 3);
    assertEquals([view.length, view.byteLength, view.constructor], [3, 3 * element, type]);
    view[1] = one;
    file.persist(view);
    const expected = new type(new ArrayBuffer(3 * element));
    expected[1] = one;
    assertEquals(readAt(place.path(), 5 * element, 3 * element), new Uint8Array(expected.buffer));
    assertEquals(file.view(type).length, 4096 / element);
    assertEquals(file.view(type, 4096 - element).length, 1);
    if (element > 1) assertThrows(() => file.view(type, element - 1), RangeError, `multiple of ${element}`);
    assertThrows(() => file.view(type, 4096 - element, 2), RangeError, "4096");
    assertThrows(() => file.view(type, 4096), RangeError, "4096");
  });
}

test("DataView and subclasses of views", () => {
  using place = medium();
  using file = small(place);
  const data = file.view(DataView, 13, 20);
  assertEquals([data.byteLength, data instanceof DataView], [20, true]);
  data.setFloat64(3, Math.PI, true);
  file.persist(data);
  assertEquals(new DataView(readAt(place.path(), 16, 8).buffer).getFloat64(0, true), Math.PI);
  assertEquals(file.view(DataView, 4000).byteLength, 96);
  class Point extends (DataView as ViewConstructor<DataView>) {
    get x() {
      return this.getFloat64(0, true);
    }
  }
  assertEquals(file.view(Point, 16, 16).x, Math.PI);
  class Bytes extends Uint8Array {}
  assert(file.view(Bytes, 0, 8) instanceof Bytes);
});

test("a length that is left out is what the file still holds, in whole elements", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 1003 });
  assertEquals(file.view(Uint8Array).length, 1003);
  assertEquals(file.view(Float64Array).length, 125);
  assertEquals(file.view(Uint16Array, 1000).length, 1);
  assertEquals(file.view(DataView, 3).byteLength, 1000);
  assertThrows(() => file.view(Uint32Array, 1000), RangeError, "0 bytes");
  assertEquals(file.view(Uint8Array, -0, undefined).length, 1003);
});

test("two views of the same bytes see each other's stores, and are of one buffer", () => {
  using place = medium();
  using file = small(place);
  const numbers = file.view(Float64Array), bytes = file.view(Uint8Array, 8, 8);
  numbers[1] = 1;
  assertEquals([...bytes], [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
  bytes[7] = 0x40;
  bytes[6] = 0;
  assertEquals(numbers[1], 2);
  assertStrictEquals(numbers.buffer, bytes.buffer);
});

test("a view sees what another program writes, and it sees the view's stores", () => {
  using place = medium();
  using file = small(place);
  const view = file.view(Uint8Array);
  const other = openSync(place.path(), "r+");
  writeSync(other, new TextEncoder().encode("hello"), 0, 5, 100);
  closeSync(other);
  assertEquals(new TextDecoder().decode(view.slice(100, 105)), "hello");
  view[200] = 33;
  assertEquals([...readAt(place.path(), 200, 1)], [33]);
});

test("what is no class of views is a TypeError", () => {
  using place = medium();
  using file = small(place);
  const cases: [unknown, string][] = [
    [Array, "the function Array"],
    [ArrayBuffer, "ArrayBuffer"],
    [Object.getPrototypeOf(Uint8Array), "TypedArray"],
    [() => 0, "the function"],
    ["Uint8Array", '"Uint8Array"'],
    [new Uint8Array(1), "Uint8Array"],
    [{}, "Object"],
    [undefined, "undefined"],
    [null, "null"],
    [8, "number 8"],
    [8n, "8n"],
    [Symbol("s"), "Symbol(s)"],
  ];
  for (const [type, words] of cases) {
    assertThrows(() => file.view(type as typeof Uint8Array), TypeError, words);
  }
});

test("offsets over 2^32 reach the right bytes, in views and in the file", () => {
  using place = memory();
  using file = huge(place);
  for (const byteOffset of [2 ** 31, 2 ** 32 - 8, 2 ** 32, 2 ** 32 + 4096, 2 ** 35 + 8, 2 ** 36 - 8]) {
    const view = file.view(Float64Array, byteOffset, 1);
    view[0] = byteOffset;
    file.persist(view);
    file.persist(byteOffset, 8);
    const expected = new Uint8Array(new Float64Array([byteOffset]).buffer);
    assertEquals(readAt(place.path(), byteOffset, 8), expected, `at ${byteOffset}`);
    // Through a window that begins elsewhere
    const before = Math.max(0, byteOffset - GiB + 8);
    const wide = file.view(Uint8Array, before, byteOffset + 8 - before);
    assertEquals(wide.slice(-8), expected, `at ${byteOffset}`);
    file.write(byteOffset, new Float64Array([-1]));
    assertEquals(view[0], -1);
    file.store64(byteOffset, byteOffset);
    assertEquals(file.view(BigUint64Array, byteOffset, 1)[0], BigInt(byteOffset));
    file.fill(byteOffset, 8, 1);
    assertEquals(readAt(place.path(), byteOffset, 8), new Uint8Array(8).fill(1));
  }
});

test("a view covers up to 1 GiB, wherever it begins", () => {
  using place = memory();
  using file = huge(place);
  const starts = [
    0,
    8,
    4096,
    GiB / 2 - 8,
    GiB / 2,
    GiB / 2 + 8,
    GiB - 8,
    GiB,
    GiB + 24,
    3.5 * GiB - 16,
    63 * GiB,
  ];
  for (const start of starts) {
    for (const byteLength of [8, GiB / 2, GiB / 2 + 8, GiB - 8, GiB]) {
      const view = file.view(BigUint64Array, start, byteLength / 8);
      assertEquals(view.byteLength, byteLength);
      assert(view.buffer.byteLength <= GiB);
      for (const index of [0, view.length - 1]) {
        const value = BigInt(start + index);
        view[index] = value;
        assertEquals(file.view(BigUint64Array, start + index * 8, 1)[0], value, `${start} + ${index * 8}`);
      }
      file.persist(view);
    }
  }
  const odd = file.view(Uint8Array, 4 * GiB + 5, GiB);
  odd[GiB - 1] = 77;
  assertEquals(file.view(Uint8Array, 5 * GiB + 4, 1)[0], 77);
});

test("a view over 1 GiB is a RangeError that names both numbers", () => {
  using place = memory();
  using file = huge(place);
  for (
    const [type, length] of [[Uint8Array, GiB + 1], [Float64Array, GiB / 8 + 1], [DataView, GiB + 1]] as const
  ) {
    const error = assertThrows(() => file.view<ArrayBufferView>(type, 0, length), RangeError, `${GiB}`);
    assert(error.message.includes("several views"));
  }
  assertThrows(() => file.view(Uint8Array), RangeError, `${64 * GiB} bytes`);
  assertEquals(file.view(Uint8Array, 63 * GiB).length, GiB);
});

test("views share their windows' buffers: one for each half GiB, however many views", () => {
  using place = memory();
  using file = huge(place);
  const buffers = new Set<ArrayBufferLike>();
  for (let start = 0; start < 4 * GiB; start += 64 * 2 ** 20) {
    buffers.add(file.view(Uint8Array, start, 4096).buffer);
    buffers.add(file.view(Uint8Array, start + 4096, GiB / 2 - 4096).buffer);
  }
  assertEquals(buffers.size, 8);
  const wide = () => file.view(Uint8Array, GiB / 2 - 1, GiB - 8).buffer;
  assertStrictEquals(wide(), wide());
});

test("readOnly: stores into views stay in this process, and no method writes", () => {
  using place = medium();
  small(place).close();
  using file = open(place.path(), { readOnly: true });
  const view = file.view(Uint8Array);
  view.fill(9);
  assertEquals(view[4095], 9);
  assert(readAt(place.path(), 0, 4096).every((byte) => byte === 0));
});
