// Deep copies and deep equality of what a reference and a structure hold.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { copy, equal } from "../../src/testing/equal.ts";
import { Memory } from "../../src/testing/memory.ts";
import { MODELS } from "../../src/testing/model.ts";
import { randomFrom } from "../../src/testing/random.ts";
import { RecordedRegion } from "../../src/testing/region.ts";

class Point {
  constructor(readonly x: number) {}
}

// Each differs from every other.
const values: readonly (() => unknown)[] = [
  ...[undefined, null, 0, -0, 1, 1n, NaN, "", "0", false].map((value) => () => value),
  ...[() => [], () => [undefined], () => [1, [2, { a: 3 }]], () => [1, [2, { a: 4 }]]],
  ...[() => ({}), () => ({ a: undefined }), () => ({ a: 1 }), () => ({ a: 1, b: 2 }), () => ({ b: 1 })],
  ...[() => new Map(), () => new Map([[1, [2]]]), () => new Map([[1, [3]]]), () => new Map([[2, [2]]])],
  ...[() => new Set(), () => new Set([1]), () => new Set([[1]]), () => new Set([[1], [2]])],
  ...[() => new Uint8Array(2), () => new Uint8Array([0, 1]), () => new Int8Array(2), () => new Uint8Array(3)],
  ...[() => new DataView(new ArrayBuffer(2)), () => new ArrayBuffer(2), () => new ArrayBuffer(3)],
  ...[() => new Date(0), () => new Date(1), () => new Point(1), () => new Point(2), () => ({ x: 1 })],
];

test("equal() tells values apart by their data, and a copy is equal", () => {
  values.forEach((a, i) =>
    values.forEach((b, j) => {
      assertEquals(equal(a(), b()), i === j, `${i} and ${j}`);
      assertEquals(equal(copy(a()), b()), i === j, `a copy of ${i} and ${j}`);
    })
  );
});

test("a copy shares nothing with the original", () => {
  const original = { list: [1], map: new Map([["a", { b: 1 }]]), bytes: new Uint8Array([1]) };
  const copied = copy(original);
  original.list.push(2);
  original.map.get("a")!.b = 2;
  original.bytes[0] = 2;
  assert(equal(copied, { list: [1], map: new Map([["a", { b: 1 }]]), bytes: new Uint8Array([1]) }));
});

test("a recorded view equals a plain one, and its copy is plain", () => {
  const m = new RecordedRegion(new Memory(64), MODELS.px86, false);
  const view = m.view(Uint16Array, 0, 2), data = m.view(DataView, 0, 4);
  view[1] = 7;
  assert(equal(view, new Uint16Array([0, 7])) && equal(new Uint16Array([0, 7]), view));
  assert(!equal(view, new Uint16Array([0, 8])));
  assert(equal(data, new DataView(new Uint16Array([0, 7]).buffer)));
  const copied = copy({ view, data });
  view[1] = 8;
  assertEquals([...copied.view], [0, 7]);
  assert(ArrayBuffer.isView(copied.view) && ArrayBuffer.isView(copied.data));
});

test("random numbers are spread, and seeds far and near give others", () => {
  const first = Array.from({ length: 1000 }, (_, seed) => randomFrom(seed)());
  assertEquals(new Set(first).size, 1000);
  const random = randomFrom(1, 2);
  const buckets = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) buckets[Math.floor(random() * 10)]++;
  assert(buckets.every((count) => count > 850 && count < 1150), String(buckets));
});
