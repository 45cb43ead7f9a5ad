// Recorded views behave as typed arrays and DataViews do, and tell of every load and store.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { crash, CrashError, type CrashOptions, record, type Region } from "../../src/testing/mod.ts";
import { Memory } from "../../src/testing/memory.ts";
import { MODELS } from "../../src/testing/model.ts";
import { RecordedRegion } from "../../src/testing/region.ts";
import { outcomes } from "./outcomes.ts";

const SIZE = 512;

function regionOf(size = SIZE): { m: Region; memory: Memory } {
  const memory = new Memory(size);
  return { m: new RecordedRegion(memory, MODELS.px86, false), memory };
}

const classes = [
  ...[
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
  ],
  ...[Float64Array, BigInt64Array, BigUint64Array],
];
type AnyArray = Float64Array & Record<string, (...args: unknown[]) => unknown>;

/** The same view, plain and recorded, over the same bytes. */
function both(
  type: typeof classes[number],
): { plain: AnyArray; view: AnyArray; number: (n: number) => number } {
  const bytes = new Uint8Array(64).map((_, i) => i * 7);
  if (type.name.startsWith("Float")) bytes.fill(0);
  const { m } = regionOf();
  m.write(64, bytes);
  const plain = new type(bytes.slice().buffer) as unknown as AnyArray;
  const view = m.view(type as typeof Float64Array, 64, plain.length) as unknown as AnyArray;
  const isBig = type === BigInt64Array || type === BigUint64Array;
  return { plain, view, number: (n) => isBig ? BigInt(n) as unknown as number : n };
}

for (const type of classes) {
  test(`a recorded ${type.name} answers as a plain one`, () => {
    const { plain, view, number } = both(type);
    const same = (ask: (array: AnyArray) => unknown) => assertEquals(answer(ask, view), answer(ask, plain));
    const all: ((array: AnyArray) => unknown)[] = [
      (a) => a.length,
      (a) => a.byteLength,
      (a) => a.BYTES_PER_ELEMENT,
      (a) => a[0],
      (a) => a[a.length],
      (a) => a[-1],
      (a) => a[1.5],
      (a) => [...a],
      (a) => a.at(-1),
      (a) => a.slice(1, -1),
      (a) => [...a.subarray(1, -1)],
      (a) => [...a.entries()],
      (a) => [...a.keys()],
      (a) => a.indexOf(a[1]!),
      (a) => a.includes(a[2]!),
      (a) => a.lastIndexOf(a[0]!),
      (a) => a.find((x) => x > number(3)),
      (a) => a.findLastIndex((x) => x > number(3)),
      (a) => a.map((x) => x),
      (a) => a.filter((x) => x > number(3)),
      (a) => a.every((x) => x >= number(0)),
      (a) => a.some((x) => x > number(100)),
      (a) => a.reduce((sum, x) => sum + x, number(0)),
      (a) => a.join("/"),
      (a) => a.toString(),
      (a) => a.toReversed(),
      (a) => a.toSorted(),
      (a) => a.with(0, number(9)),
      (a) => Object.prototype.toString.call(a),
      (a) => JSON.stringify([...a].map(String)),
      (a) => 0 in a,
      (a) => Object.keys(a).length,
      (a) => (a[1] = number(200), [...a]),
      (a) => (a[a.length] = number(1), [...a]),
      (a) => (a.set([number(1), number(2)], 1), [...a]),
      (a) => (a.set(a.subarray(0, 2), 2), [...a]),
      (a) => answer(() => a.set([number(1), number(2)], a.length - 1), a),
      (a) => (a.fill(number(5), 1, 3), [...a]),
      (a) => (a.copyWithin(0, 2), [...a]),
      (a) => (a.copyWithin(1, 0, -1), [...a]),
      (a) => (a.reverse(), [...a]),
      (a) => (a.sort(), [...a]),
      (a) => a.fill(number(1)) === a,
      (a) => a.sort() === a,
      (a) => a.subarray(1).subarray(1).length,
    ];
    all.forEach(same);
    assert((view as unknown) instanceof type);
  });
}

function answer(ask: (array: AnyArray) => unknown, array: AnyArray): unknown {
  try {
    return ask(array);
  } catch (error) {
    return (error as Error).name;
  }
}

test("a recorded DataView answers as a plain one", () => {
  const { m } = regionOf();
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => i * 11);
  m.write(64, bytes);
  const plain = new DataView(bytes.slice().buffer), view = m.view(DataView, 64, 32);
  assertEquals([view.byteLength, view.byteOffset], [32, 64]);
  assertInstanceOf(view, DataView);
  type Methods = Record<string, (...args: unknown[]) => unknown>;
  const [a, b] = [plain, view] as unknown as [Methods, Methods];
  for (
    const type of ["Int8", "Uint8", "Int16", "Uint16", "Int32", "Uint32", "Float32", "Float64", "BigInt64"]
  ) {
    for (const offset of [0, 3, 24, 31, 32, -1, 1.5, undefined, "2"]) {
      for (const little of [true, false, undefined]) {
        const value = type.startsWith("Big") ? -3n : -3.5;
        const ask = (
          v: Methods,
        ) => [v[`set${type}`]!(offset, value, little), v[`get${type}`]!(offset, little)];
        assertEquals(answer(() => ask(b), b as never), answer(() => ask(a), a as never));
      }
    }
  }
});

test("stores through views are recorded one by one, copies as one", () => {
  const { m, memory } = regionOf();
  const view = m.view(Uint32Array, 8, 4);
  view[1] = 7;
  view[9] = 7; // outside: nothing
  view.set([1, 2], 2);
  view.fill(3);
  view.reverse();
  m.view(DataView, 4).setUint16(1, 0x0102);
  const stores = memory.events.map((event) =>
    event.kind === "store" ? [event.byteOffset, event.bytes.length, event.order] : []
  );
  assertEquals(stores, [[12, 4, "ordered"], [16, 8, "bulk"], [8, 16, "bulk"], [5, 2, "ordered"]]);
  assertEquals(memory.approximate, false);
});

test("recorded views are accepted by persist, flush, deepFlush and write", () => {
  const { m, memory } = regionOf();
  const view = m.view(Float64Array, 64, 2), data = m.view(DataView, 128, 8);
  view[0] = 1.5;
  m.persist(view);
  m.flush(data);
  m.deepFlush(view.subarray(1));
  m.write(256, view);
  assertEquals(memory.events.flatMap((event) => event.kind === "flush" ? [event.byteOffset] : []), [
    64,
    128,
    64,
  ]);
  assertEquals(m.view(Float64Array, 256, 1)[0], 1.5);
});

test("a plain typed array reads a recorded one", () => {
  const { m } = regionOf();
  const view = m.view(Uint8Array, 0, 4);
  view.set([1, 2, 3, 4]);
  assertEquals([...new Uint8Array(view)], [1, 2, 3, 4]);
  assertEquals([...Uint8Array.from(view)], [1, 2, 3, 4]);
  const other = new Uint8Array(4);
  other.set(view);
  assertEquals([...other], [1, 2, 3, 4]);
});

test("what cannot be recorded is refused, not missed", () => {
  const { m } = regionOf();
  const view = m.view(Int32Array, 0, 4);
  assertThrows(() => Atomics.store(view, 0, 1), TypeError);
  assertThrows(() => new TextDecoder().decode(view), TypeError);
  assertThrows(() => Object.defineProperty(view, "0", { value: 1 }), TypeError, "assign to it");
});

test("a region refuses what DaxFile refuses", () => {
  const { m } = regionOf();
  const other = regionOf().m.view(Uint8Array);
  assertThrows(() => m.view(Float64Array, 4), RangeError, "byteOffset 4 is not a multiple of 8");
  assertThrows(() => m.view(Uint8Array, SIZE), RangeError, "not inside");
  assertThrows(() => m.view(Uint8Array, 0, SIZE + 1), RangeError, "513 bytes are not inside");
  assertThrows(() => m.view(Uint8Array, 0, 0), RangeError, "0 bytes");
  assertThrows(() => m.view(Uint8Array, NaN), RangeError);
  assertThrows(() => m.persist(-1, 8), RangeError, "byteOffset -1");
  assertThrows(() => m.persist(0, 1.5), RangeError, "byteLength 1.5");
  assertThrows(() => m.flush(505, 8), RangeError, "505 and 8 bytes");
  assertThrows(() => m.persist(other), TypeError, "not one of");
  assertThrows(() => m.persist("0" as never), TypeError);
  assertThrows(() => m.write(510, new Uint8Array(4)), RangeError);
  assertThrows(() => m.write(0, [1] as never), TypeError, "typed array or DataView");
  assertThrows(() => m.fill(0, 8, 256), RangeError, "at most 255");
  assertThrows(() => m.store64(4, 1), RangeError, "multiple of 8");
  assertThrows(() => m.store64(0, 2n ** 64n), RangeError, "64 bits");
  assertThrows(() => m.store64(0, 0.5), RangeError);
  assertThrows(() => m.store64(0, "1" as never), TypeError);
});

test("after close views are empty and calls are refused", () => {
  const { m } = regionOf();
  const view = m.view(Uint8Array, 0, 4), data = m.view(DataView);
  view[0] = 1;
  m.close();
  m.close();
  view[1] = 2;
  assertEquals([m.closed, view.length, view[0], [...view], data.byteLength], [true, 0, undefined, [], 0]);
  assertThrows(() => data.getUint8(0));
  for (const call of [() => m.drain(), () => m.persist(), () => m.view(Uint8Array), () => m.fill(0, 1)]) {
    assertThrows(call, TypeError, "is closed");
  }
});

test("a region says what its model is", () => {
  const granularities = (["px86", "word", "sector", "eadr"] as const).map((model) =>
    new RecordedRegion(new Memory(8), MODELS[model], false).granularity
  );
  assertEquals(granularities, ["cache-line", "cache-line", "page", "byte"]);
});

test("a read of few bytes leaves the others undecided: lazy tries fewer images", async () => {
  const options = (read: (m: Region) => unknown): CrashOptions<Region, number> => ({
    size: SIZE,
    workload: (m) => m.view(BigUint64Array, 0, 32).fill(1n),
    recover: (m) => m,
    observe: (m) => (read(m), 0),
    reference: { init: 0, apply: () => 0 },
  });
  const images = async (read: (m: Region) => unknown) => (await crash(options(read))).images;
  // 4 lines of 8 words in any order. Word 0 survived with its line, or alone, or not.
  assertEquals(await images(() => {}), 1);
  assertEquals(await images((m) => m.view(Uint8Array)[0]), 3);
  assertEquals(await images((m) => m.view(Uint8Array, 0, 8).slice()), 3);
  assertEquals(await images((m) => m.view(BigUint64Array, 0, 8).slice()), 256);
  // Stops at the first word lost: in each line the first of eight, or none.
  assertEquals(await images((m) => m.view(BigUint64Array, 0, 32).find((word) => word === 0n)), 4 * 8 + 1);
});

test("every way of reading a view reads through the record", async () => {
  const run = (m: Region) => void (m.view(BigUint64Array)[0] = 1n);
  const ways: ((m: Region) => unknown)[] = [
    (m) => m.view(BigUint64Array)[0],
    (m) => [...m.view(BigUint64Array, 0, 1)],
    (m) => m.view(BigUint64Array, 0, 1).slice(),
    (m) => m.view(BigUint64Array, 0, 1).map((word) => word),
    (m) => m.view(BigUint64Array, 0, 2).subarray(0, 1).join(),
    (m) => Object.getOwnPropertyDescriptor(m.view(BigUint64Array), "0")!.value,
    (m) => Object.values(m.view(BigUint64Array, 0, 1)),
    (m) => new BigUint64Array(m.view(BigUint64Array, 0, 1)),
    (m) => m.view(DataView).getBigUint64(0, true),
    (m) => (m.write(128, m.view(Uint8Array, 0, 8)), m.view(BigUint64Array)[16]),
    (m) => (m.write(128, m.view(DataView, 0, 8)), m.view(BigUint64Array)[16]),
    (m) => (m.view(BigUint64Array, 128, 1).set(m.view(BigUint64Array, 0, 1)), m.view(BigUint64Array)[16]),
    (m) => m.view(BigUint64Array).copyWithin(16, 0, 1)[16],
    (m) => new BigUint64Array(m.view(BigUint64Array).buffer)[0],
  ];
  for (const read of ways) assertEquals(await outcomes({ size: SIZE, run, read }), ["0", "1"], String(read));
});

const plainCell = (value: number, persisted: boolean): CrashOptions<Float64Array, number> => ({
  size: SIZE,
  views: "plain",
  workload: async (m, t) => {
    const cell = m.view(Float64Array, 8, 1);
    await t.op("set", value, () => {
      cell[0] = value;
      if (persisted) m.persist(cell);
    });
  },
  recover: (m) => m.view(Float64Array, 8, 1),
  observe: (cell) => cell[0]!,
  reference: { init: 0, apply: (_, { arg }) => arg as number },
});

test("plain views: stores are found by comparing, and the report says approximate", async () => {
  const report = await crash(plainCell(7, true));
  assertEquals([report.approximate, report.complete, report.stores], [true, false, 1]);
  const error = await crash(plainCell(7, false)).then(() => undefined, (error) => error);
  assert(error instanceof CrashError);
  assertEquals(error.kind, "lost");
});

test("plain views are plain: Atomics work, and recovery tries every image", async () => {
  const report = await crash<Int32Array, number[]>({
    ...{ size: SIZE, views: "plain", reference: { init: [0, 0], apply: () => [1, 1] } },
    workload: async (m, t) => {
      const cells = m.view(Int32Array, 0, 32);
      await t.op("both", undefined, () => {
        Atomics.store(cells, 0, 1);
        Atomics.store(cells, 1, 1); // the same word: one piece
        m.persist(cells);
      });
    },
    recover: (m) => m.view(Int32Array, 0, 32),
    observe: (cells) => [Atomics.load(cells, 0), Atomics.load(cells, 1)],
  });
  assertEquals([report.approximate, report.images], [true, 4]);
});

test("taking the buffer of a recorded view makes the rest approximate, and loses no store", async () => {
  const program = { size: SIZE, seed: 1, model: "px86", views: "recorded" } as const;
  const trace = await record({
    ...program,
    workload: (m: Region) => {
      const view = m.view(Uint8Array, 0, 16);
      view[0] = 1;
      new Uint8Array(view.buffer)[64] = 2;
      view[1] = 3;
      m.persist(view);
    },
  } as never);
  assertEquals(trace.approximate, true);
  const stored = trace.events.flatMap((event) =>
    event.kind === "store" ? [[event.byteOffset, event.bytes[0]]] : []
  );
  assertEquals(stored, [[0, 1], [64, 2], [1, 3]]);
});

test("recovery that takes the buffer is given every image", async () => {
  const run = (m: Region) => m.view(BigUint64Array, 0, 2).fill(1n);
  const read = (m: Region) => [...new BigUint64Array(m.view(Uint8Array).buffer, 0, 2)];
  assertEquals(await outcomes({ size: SIZE, run, read }), ["0,0", "0,1", "1,0", "1,1"]);
});
