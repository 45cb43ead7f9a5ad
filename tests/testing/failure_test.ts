// What a failure says: the operation, the lost stores, the flush that would mend it, and a token that replays it alone.

import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { crash, CrashError, type CrashOptions, type Model, type Region } from "../../src/testing/mod.ts";
import { decode, encode } from "../../src/testing/token.ts";

type Options = CrashOptions<Region, number[]>;

/** Cells of a line each and a count of those that are valid; `broken` says which flush or drain of set is missing. */
function cells(broken: string, values: readonly number[], more: Partial<Options> = {}): Options {
  const cell = (m: Region, i: number) => m.view(BigUint64Array, 64 + 64 * i, 8);
  return {
    size: 1024,
    workload: async (m, t) => {
      const length = m.view(BigUint64Array, 0, 1);
      for (const value of values) {
        await t.op("add", value, () => {
          const target = cell(m, Number(length[0]));
          if (broken === "hoisted") length[0]!++;
          target[0] = BigInt(value);
          target[7] = BigInt(value);
          if (broken !== "no flush") m.flush(target);
          if (broken !== "no drain") m.drain();
          if (broken !== "hoisted") length[0]!++;
          m.persist(length);
        });
      }
    },
    recover: (m) => m,
    observe: (m) => {
      const length = Number(m.view(BigUint64Array, 0, 1)[0]);
      return Array.from({ length }, (_, i) => Number(cell(m, i)[0]! + cell(m, i)[7]!));
    },
    reference: { init: () => [], apply: (state, { arg }) => void state.push(2 * (arg as number)) },
    ...more,
  };
}

async function caught(options: Options): Promise<CrashError> {
  try {
    await crash(options);
  } catch (error) {
    assert(error instanceof CrashError, String(error));
    return error;
  }
  throw new Error("it passed");
}

/** Where this file says something: `testing/failure_test.ts:12:`. */
function placeOf(text: string): string {
  const lines = readFileSync(new URL(import.meta.url), "utf8").split("\n");
  return `testing/failure_test.ts:${lines.findIndex((line) => line.includes(text)) + 1}:`;
}

test("a failure is shrunk to the one operation that shows it", async () => {
  const error = await caught(cells("no flush", [1, 2, 3, 4, 5, 6]));
  assertEquals([error.failure!.acknowledged.length, error.failure!.running], [0, { name: "add", arg: 1 }]);
  assertMatch(error.token!, /^dax1-px86-lazy-s1-o0-p\d+\./);
});

test("shrinking keeps the operations that are needed, and only them", async () => {
  // Only the value 3, and only after another, is not flushed.
  const base = cells("", [5, 6, 3, 7]);
  const error = await caught({
    ...base,
    workload: (m, t) => {
      const flush = m.flush.bind(m) as (view: ArrayBufferView) => void;
      const leaky = (view: BigUint64Array) =>
        view[0] === 3n && view.byteOffset > 64 ? undefined : flush(view);
      return base.workload(new Proxy(m, { get: (_, key) => key === "flush" ? leaky : bound(m, key) }), t);
    },
  });
  const { acknowledged, running } = error.failure!;
  assertEquals([acknowledged.length, running!.arg], [1, 3]);
});

function bound(m: Region, key: string | symbol): unknown {
  const value = Reflect.get(m, key, m);
  return typeof value === "function" ? value.bind(m) : value;
}

test("of the images of a crash the one that lost least is shown", async () => {
  // Found first: the second and the third line lost. Shown: the first line alone.
  const { lost } = (await caught({
    ...cells("", []),
    workload: (m, t) =>
      t.op("commit", undefined, () => {
        for (const word of [8, 16, 24]) m.view(BigUint64Array)[word] = 1n;
        m.store64(0, 1);
      }),
    observe: (m) => {
      const words = m.view(BigUint64Array);
      if (words[0] === 0n) return [];
      return words[8] === 1n && (words[16] === 1n || words[24] === 1n) ? [1] : [0];
    },
    reference: { init: () => [], apply: () => [1] },
  })).failure!;
  assertEquals(lost.map(({ byteOffset, byteLength, torn }) => [byteOffset, byteLength, torn]), [[
    64,
    8,
    false,
  ]]);
});

test("the message names the operation, the lost line, its source, the flush that mends it, and the token", async () => {
  const error = await caught(cells("no flush", [1, 2]));
  assertMatch(error.message, /operation +add\(1\) was running/);
  assertMatch(error.message, /acknowledged +nothing/);
  assertMatch(error.message, /expected +\[ 2 \] or \[\]/);
  assertMatch(error.message, /observed +\[ 1 \]/);
  const place = placeOf("target[7] = ");
  assertMatch(
    error.message,
    new RegExp(`lost +line 64: 8 bytes stored at 120, by ${place}\\d+; never flushed`),
  );
  assertMatch(error.message, new RegExp(`mend +persist\\(120, 8\\) after the store at ${place}\\d+\n`));
  assert(error.message.includes(error.token!));
  assertMatch(error.mend!, /^persist\(120, 8\)/);
});

test("a missing drain is told from a missing flush", async () => {
  // Both epochs become one: the flush is there, but nothing waits for it.
  const error = await caught(cells("no drain", [1]));
  const place = placeOf("m.flush(target)");
  assertMatch(error.message, new RegExp(`flushed at ${place}\\d+, but not drained in time`));
  assertMatch(error.mend!, new RegExp(`^drain\\(\\) after the flush at ${place}\\d+$`));
});

test("what was done about the lost bytes is told: nothing, too early, or only later", async () => {
  const message = async (run: (m: Region) => void) => {
    const workload: Options["workload"] = (m, t) => t.op("add", 1, () => run(m));
    const observe = (m: Region) => {
      const words = m.view(BigUint64Array);
      return words[0] === 1n ? [1, Number(words[8])] : [0, 0];
    };
    const reference = { init: [0, 0], apply: () => [1, 1] };
    return (await caught({ ...cells("", []), workload, observe, reference, nested: 0 })).message;
  };
  const store = (m: Region, i: number) => void (m.view(BigUint64Array)[i] = 1n);
  const never = (m: Region) => (store(m, 8), m.store64(0, 1));
  assertMatch(await message(never), /lost +line 64: .*; never flushed\n/);
  const early = (m: Region) => (m.flush(64, 8), store(m, 8), m.store64(0, 1));
  assertMatch(
    await message(early),
    /lost +line 64: .*; flushed only before it was stored, at testing\/failure/,
  );
  const late = (m: Region) => (store(m, 8), m.store64(0, 1), m.persist(64, 8));
  assertMatch(await message(late), /lost +line 64: .*; flushed only later, at testing\/failure/);
});

test("a commit that is stored too early is mended by no flush, and the message says so", async () => {
  const error = await caught(cells("hoisted", [1]));
  assertEquals(error.mend, undefined);
  assertMatch(error.message, /look at the order of the stores/);
});

/** Publishes a word that is not flushed, then copies more, of which nothing is wrong. */
const andMore = (words: number, read: number): Options => ({
  ...cells("", []),
  workload: (m, t) =>
    t.op("commit", undefined, () => {
      m.view(BigUint64Array)[8] = 1n;
      m.write(512, new BigUint64Array(words).fill(1n), { drain: false });
      m.store64(0, 1);
    }),
  observe: (m) => {
    const all = m.view(BigUint64Array);
    for (let i = 0; i < read; i++) all[64 + i];
    return all[0] === 0n ? [] : [Number(all[8])];
  },
  reference: { init: () => [], apply: () => [1] },
});

test("what recovery did not look at is not called lost", async () => {
  const { lost } = (await caught(andMore(4, 0))).failure!;
  assertEquals(lost.map(({ byteOffset }) => byteOffset), [64]);
});

test("a remedy that could not be tried to the end is not called one", async () => {
  assertMatch((await caught(andMore(4, 4))).mend!, /^persist\(64, 8\)/);
  assertEquals((await caught(andMore(17, 17))).mend, undefined);
});

test("a torn store is called torn", async () => {
  const error = await caught({
    ...cells("", []),
    workload: (m, t) =>
      t.op("add", 1, () => {
        m.view(DataView).setBigUint64(4, 0x0000_0001_0000_0001n, true);
        m.persist(0, 16);
      }),
    observe: (m) => [m.view(DataView).getUint32(4, true), m.view(DataView).getUint32(8, true)],
    reference: { init: [0, 0], apply: () => [1, 1] },
  });
  assertMatch(error.message, /torn +line 0: 4 of the 8 bytes stored at [48],/);
});

for (const model of ["px86", "word", "sector", "eadr"] as const) {
  for (const explore of ["lazy", "exhaustive"] as const) {
    test(`a token alone replays a failure, ${model}, ${explore}`, async () => {
      const error = await caught(cells("hoisted", [1, 2, 3], { model, explore, seed: 7 }));
      // Everything that the token says is left out here.
      const again = await caught(cells("hoisted", [1, 2, 3], { replay: error.token! }));
      assertEquals(again.message.replace(/replay.*/, ""), error.message.replace(/replay.*/, ""));
      assertEquals([again.token, again.report.images], [error.token, 1]);
    });
  }
}

test("a token of a nested crash replays both crashes", async () => {
  const options: Options = {
    ...cells("", []),
    workload: (m, t) => t.op("set", 1, () => m.store64(64, 1)),
    recover: (m) => {
      if (m.view(BigUint64Array, 64, 1)[0] === 1n) {
        m.view(BigUint64Array, 0, 1)[0] = 1n;
        m.store64(64, 0);
      }
      return m;
    },
    observe: (m) => [Number(m.view(BigUint64Array, 0, 1)[0])],
    reference: { init: [0], apply: () => [1] },
  };
  const error = await caught(options);
  assertMatch(error.token!, /-p\d+\.[^-]*-p\d+\.[^-]*$/);
  const again = await caught({ ...options, replay: error.token! });
  assertEquals([again.message, again.report.images], [error.message, 2]);
});

test("a token whose bug was mended passes, but is never complete", async () => {
  const { token } = await caught(cells("no flush", [1, 2]));
  const report = await crash(cells("", [1, 2], { replay: token! }));
  assertEquals(report.complete, false);
});

test("tokens keep every field", () => {
  const path = [{ point: 12, choices: [0, 0, 1, 2, 2, 1] }, { point: 0, choices: [1] }];
  for (const keep of [undefined, new Set<number>(), new Set([0, 3])]) {
    const replay = { model: "sector" as Model, explore: "exhaustive" as const, seed: 4294967295, keep, path };
    assertEquals(decode(encode(replay)), replay);
  }
});

test("trailing zeros of a token are left out, for that is what a missing choice means", () => {
  const path = [{ point: 1, choices: [0, 1, 0, 0] }];
  const token = encode({ model: "px86", explore: "lazy", seed: 1, keep: undefined, path });
  assertEquals(token, "dax1-px86-lazy-s1-oall-p1.AB");
  assertEquals(decode(token).path, [{ point: 1, choices: [0, 1] }]);
});

test("what is no token is a SyntaxError", async () => {
  const bad = [
    "",
    "dax1",
    "dax2-px86-lazy-s1-oall-p1.",
    "dax1-arm-lazy-s1-oall-p1.",
    "dax1-px86-lazy-s1-oall-p1.D",
  ];
  for (const token of bad) assertThrows(() => decode(token), SyntaxError, "is not a replay token");
  await assertRejects(() => crash({ ...cells("", [1]), replay: "x" }), SyntaxError);
});
