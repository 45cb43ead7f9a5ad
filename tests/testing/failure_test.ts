// What a failure says: the operation, the lost stores, the flush that would mend it, and a token that replays it alone.
// machines: none, what it looks at are simulated crashes

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

test("a failure says if it is approximate, and where a store was found rather than made", async () => {
  const plain = await caught(cells("no flush", [1], { views: "plain" }));
  assertMatch(plain.message, /\n {2}approximate +views are plain: .* may not be all that is wrong\n/);
  assertMatch(plain.message, new RegExp(`lost +line 64: .*, found at ${placeOf("m.drain();")}`));
  assertEquals(plain.report.approximate, true);
  const exact = await caught(cells("no flush", [1]));
  assertEquals(exact.message.includes("approximate"), false);
  const taken = await caught({
    ...cells("no flush", [1]),
    observe: (m) => Array.from(new BigUint64Array(m.view(BigUint64Array).buffer).subarray(0, 1), Number),
    reference: { init: [0], apply: () => [2] },
  });
  assertMatch(taken.message, /\n {2}approximate +the buffer of a view was taken/);
});

/** One word that adds up; what happens after recovery is told. */
const further = (further: Options["further"]): Options => ({
  ...cells("", []),
  workload: (m, t) => t.op("set", 5, () => m.store64(64, 5)),
  observe: (m) => [Number(m.view(BigUint64Array)[8])],
  reference: { init: [0], apply: (_, { arg }) => [arg as number] },
  further: further!,
});

test("what fails after recovery is named, with what was acknowledged before and since", async () => {
  const wrong = await caught(further(async (m, t) => {
    await t.op("set", 6, () => m.store64(64, 6));
    await t.op("set", 7, () => m.store64(64, 8));
  }));
  assertEquals([wrong.kind, wrong.failure!.further], ["further", { name: "set", arg: 7 }]);
  assertEquals(wrong.failure!.acknowledged.map(({ arg }) => arg), [6, 7]);
  assertMatch(wrong.message, /^an operation after recovery did not do what the reference does/);
  assertMatch(wrong.message, /operation +set\(6\), set\(7\) returned after recovery\n/);
  assertMatch(wrong.message, /acknowledged +nothing; after recovery set\(6\), set\(7\)\n/);
  assertMatch(wrong.message, /recovered +\[ 0 \] was shown before\n/);
});

test("an operation that throws after recovery, or does not end, is named and is not called recovery", async () => {
  const throws = await caught(further(async (m, t) => {
    await t.op("set", 6, () => m.store64(64, 6));
    await t.op("set", 7, () => m.persist(2048, 8));
  }));
  assertEquals([throws.kind, throws.failure!.further], ["threw", { name: "set", arg: 7 }]);
  assertMatch(throws.message, /^an operation after recovery threw \(/);
  assertMatch(throws.message, /operation +set\(7\) was running after recovery\n/);
  assertMatch(throws.message, /acknowledged +nothing; after recovery set\(6\)\n/);
  const run = (m: Region) => {
    while (m.view(BigUint64Array)[8] !== 9n);
  };
  const endless = await caught({ ...further((m, t) => t.op("wait", 9, () => run(m))), steps: 100 });
  assertEquals([endless.kind, endless.failure!.further?.name], ["endless", "wait"]);
  assertMatch(endless.message, /^an operation after recovery did not end \(/);
});

test("what is done after recovery without tester.op cannot be named, and the message says so", async () => {
  const error = await caught(further((m) => m.store64(64, 6)));
  assertEquals([error.kind, error.failure!.further], ["further", undefined]);
  assertMatch(error.message, /operation +none was named: further did something outside tester\.op\n/);
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

test("a sync() that is not awaited is told from one that is missing, and awaiting it is the remedy", async () => {
  const error = await caught({
    ...cells("", []),
    workload: (m, t) =>
      t.op("add", 1, () => {
        m.view(BigUint64Array)[8] = 1n;
        void m.sync();
        m.persist(0, 8);
        m.store64(0, 1);
      }),
    observe: (m) => m.view(BigUint64Array)[0] === 0n ? [] : [Number(m.view(BigUint64Array)[8])],
    reference: { init: () => [], apply: () => [1] },
  });
  const place = placeOf("void m.sync();");
  assertMatch(
    error.message,
    new RegExp(`lost +line 64: .*; synced at ${place}\\d+, but not awaited in time`),
  );
  assertMatch(error.mend!, new RegExp(`^await the sync\\(\\) at ${place}\\d+$`));
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
