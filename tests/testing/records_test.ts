// Records and commits in a simulated crash: the same bytes as in a file, reads of no byte too many, and a journal that holds.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Batch, open, type Region } from "../../mod.ts";
import { Memory } from "../../src/testing/memory.ts";
import { crash, CrashError, type Model } from "../../src/testing/mod.ts";
import { MODELS } from "../../src/testing/model.ts";
import { RecordedRegion } from "../../src/testing/region.ts";
import { difference } from "../helpers/bytes.ts";
import { memory } from "../helpers/places.ts";

const models: readonly Model[] = ["px86", "word", "sector", "eadr"];
const size = 8192;

function recorded(model: Model, plain = false): { region: RecordedRegion; memory: Memory } {
  const memory = new Memory(size);
  return { region: new RecordedRegion(memory, MODELS[model], plain), memory };
}

type Step = (region: Region) => unknown;

const byteOffset = fc.nat(size),
  word = fc.integer({ min: -(2 ** 31) - 1, max: 2 ** 32 }),
  words = fc.tuple(word, word, fc.nat(3));
const payload = fc.uint8Array({ maxLength: 100 });
const entries = fc.array(fc.tuple(byteOffset, fc.uint8Array({ minLength: 1, maxLength: 70 })), {
  maxLength: 4,
});

function batchOf(writes: readonly (readonly [number, Uint8Array])[]): Batch {
  const batch = new Batch(1024);
  for (const [byteOffset, bytes] of writes) batch.write(byteOffset, bytes);
  return batch;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.nat(size / 8), payload, words).map(([word, bytes, [low, high, seed]]): Step => (region) =>
    region.writeRecord(8 * word, bytes, low, high, seed)
  ),
  fc.tuple(fc.nat(size / 8), byteOffset, fc.nat(3)).map(([word, end, seed]): Step => (region) =>
    region.recordLength(8 * word, end, seed)
  ),
  fc.tuple(byteOffset, fc.nat(300), word).map(([start, length, seed]): Step => (region) =>
    region.checksum(start, length, seed)
  ),
  fc.tuple(fc.nat(40), entries, entries, words).map(
    ([word, own, before, [low, high, seed]]): Step => (region) =>
      region.commit(8 * word, batchOf(own), low, high, seed, batchOf(before)),
  ),
);

for (const model of models) {
  test(`${model}: the recorded region answers as a file does, and holds the same bytes`, () => {
    using place = memory();
    const answer = (region: Region, run: Step) => {
      try {
        return run(region);
      } catch (error) {
        return (error as Error).name;
      }
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        using file = open(place.path(), { create: true, size });
        file.fill(0, size);
        const { region, memory } = recorded(model);
        for (const run of steps) assertEquals(answer(region, run), answer(file, run));
        assertEquals(difference(memory.bytes, file.view(Uint8Array)), -1);
      }),
      { numRuns: 100 },
    );
  });
}

test("recordLength reads the header, and the payload only of a record that can lie there", () => {
  const { region, memory } = recorded("px86");
  region.writeRecord(64, new Uint8Array(21), 1, 2, 3);
  const reads: number[][] = [];
  const real = memory.read.bind(memory);
  memory.read = (...range) => {
    reads.push(range);
    real(...range);
  };
  const found = (end: number, at = 64) => [region.recordLength(at, end, 3), ...reads.splice(0)];
  assertEquals(found(size), [21, [64, 16], [80, 21]]);
  assertEquals(found(104), [21, [64, 16], [80, 21]]);
  assertEquals(found(103), [-1, [64, 16]]);
  assertEquals(found(79), [-1]);
  assertEquals(found(size, 1024), [-1, [1024, 16]]);
  assertEquals(region.checksum(5, 9), region.checksum(6, 9));
  assertEquals(reads, [[5, 9], [6, 9]]);
});

test("a commit stores its record, flushes what the one before changed, drains once, then stores in place", () => {
  const [first, second] = [
    batchOf([[4096, new Uint8Array(3)]]),
    batchOf([[5000, new Uint8Array(70)], [9, new Uint8Array(1)]]),
  ];
  const told = (model: Model) => {
    const { region, memory } = recorded(model);
    region.commit(64, first, 1, 2, 3, second);
    return memory.events.map((event) =>
      event.kind === "store"
        ? `${event.order} ${event.byteOffset}+${event.bytes.length}`
        : event.kind === "flush"
        ? `flush ${event.byteOffset}+${event.byteLength}`
        : event.kind
    );
  };
  const lines = ["nontemporal 64+32", "flush 4992+128", "flush 0+64", "drain", "bulk 4096+3"];
  assertEquals([told("px86"), told("word"), told("eadr")], [lines, lines, lines]);
  assertEquals(told("sector"), [
    "bulk 64+32",
    "flush 0+4096",
    "flush 4096+4096",
    "flush 0+4096",
    "drain",
    "bulk 4096+3",
  ]);
});

test("numbers that are none of a record's are refused as DaxFile refuses them", () => {
  const { region } = recorded("px86");
  const bytes = new Uint8Array(8), batch = batchOf([[4096, bytes]]);
  for (const word of [-(2 ** 31) - 1, 0.5, NaN, 2 ** 32]) {
    assertThrows(() => region.writeRecord(0, bytes, word, 0, 0), RangeError, "low");
    assertThrows(() => region.commit(0, batch, 0, word, 0), RangeError, "high");
    assertThrows(() => region.recordLength(0, 64, word), RangeError, "seed");
    assertThrows(() => region.checksum(0, 64, word), RangeError, "seed");
  }
  assertThrows(() => region.writeRecord(0, bytes, "1" as unknown as number, 0, 0), TypeError, "low");
  for (
    const call of [
      () => region.writeRecord(4, bytes, 0, 0, 0),
      () => region.writeRecord(size - 16, bytes, 0, 0, 0),
      () => region.commit(size - 24, batch, 0, 0, 0),
      () => region.commit(0, batchOf([[size - 7, bytes]]), 0, 0, 0),
      () => region.commit(0, batch, 0, 0, 0, batchOf([[size - 7, bytes]])),
      () => region.recordLength(0, size + 1, 0),
      () => region.recordLength(size + 8, size, 0),
    ]
  ) assertThrows(call, RangeError);
  region.close();
  for (
    const run of [
      () => region.checksum(0, 8),
      () => region.recordLength(0, 8, 0),
      () => region.defer(undefined),
    ]
  ) {
    assertThrows(run, TypeError, "closed");
  }
});

/** What is left out of the journal. */
interface Wrong {
  readonly previous?: boolean;
  readonly turns?: boolean;
  readonly defer?: boolean;
}

const slots = [0, 512], places = [4160, 6144], seed = 0x5eed;

/** The records that are there, the older one first. */
function records(m: Region): { slot: number; byteLength: number; turn: number }[] {
  return slots.map((slot) => ({ slot, byteLength: m.recordLength(slot, slot + 512, seed) }))
    .filter(({ byteLength }) => byteLength >= 0)
    .map((record) => ({ ...record, turn: m.view(Uint32Array, record.slot + 8, 1)[0]! }))
    .sort((a, b) => a.turn - b.turn);
}

/** Two bytes, in lines and pages of their own, that are set together, by two records used in turn. */
function pair(m: Region, wrong: Wrong) {
  const found = records(m);
  for (const { slot, byteLength } of found) {
    for (const { byteOffset, bytes } of Batch.entries(m.view(Uint8Array, slot + 16, byteLength))) {
      m.write(byteOffset, bytes);
    }
  }
  let turn = found.at(-1)?.turn ?? 0;
  let previous: Batch | undefined;
  const settle = () => {
    for (const place of places) m.flush(place, 1);
    m.drain();
    // The older record first: alone, it would be replayed
    for (const { slot } of records(m)) m.store64(slot, 0);
    previous = undefined;
  };
  return {
    values: () => places.map((place) => m.view(Uint8Array, place, 1)[0]!),
    set(value: number, where: readonly number[]) {
      const batch = batchOf(where.map((place) => [place, new Uint8Array([value])] as const));
      const slot = slots[wrong.turns ? 0 : ++turn % 2]!;
      m.commit(slot, batch, turn, 0, seed, wrong.previous ? undefined : previous);
      previous = batch;
      if (!wrong.defer) m.defer(settle);
    },
  };
}

function tried(model: Model, wrong: Wrong) {
  return crash<number[], number[]>({
    size,
    model,
    workload: async (m, t) => {
      const both = pair(m, wrong);
      await t.op("both", 1, () => both.set(1, places));
      // By two more records the first one is written over: what it alone held must be durable by then
      for (const value of [2, 3]) await t.op("second", value, () => both.set(value, places.slice(1)));
      await t.op("second", 9, () => m.store64(places[1]!, 9));
      await t.op("both", 4, () => both.set(4, places));
    },
    recover: (m) => pair(m, {}).values(),
    observe: (values) => values,
    reference: {
      init: [0, 0],
      apply: ([first], { name, arg }) => [name === "both" ? arg as number : first!, arg as number],
    },
  });
}

for (const model of models) {
  test(`${model}: a journal of two records holds at every crash, in recovery as well`, async () => {
    const { complete, images } = await tried(model, {});
    assert(complete && images > 10, `${images} images`);
  });

  test(`${model}: each part that is left out of it is missed`, async () => {
    for (const wrong of [{ turns: true }, { defer: true }]) {
      await assertRejects(() => tried(model, wrong), CrashError);
    }
    // With eADR whatever was stored is durable, flushed or not
    if (model === "eadr") await tried(model, { previous: true });
    else await assertRejects(() => tried(model, { previous: true }), CrashError);
  });
}
