// crash() on small programs: what it accepts, what it refuses, what it reports.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { crash, CrashError, type CrashOptions, record, type Region } from "../../src/testing/mod.ts";
import { Choices, DivergedError } from "../../src/testing/choices.ts";

type Options = CrashOptions<Region, number[]>;

/** A value with a second copy in another line, published by a count: right as it is. */
const pair: Options = {
  size: 1024,
  workload: async (m, t) => {
    const a = m.view(BigUint64Array, 0, 1), b = m.view(BigUint64Array, 64, 1);
    for (const value of [1, 2]) {
      await t.op("set", value, () => {
        b[0] = BigInt(value);
        m.persist(b);
        a[0] = BigInt(value);
        m.persist(a);
      });
    }
  },
  recover: (m) => m,
  observe: (m) => [Number(m.view(BigUint64Array, 0, 1)[0])],
  reference: { init: () => [0], apply: (_, { arg }) => [arg as number] },
};

async function caught(options: Partial<Options>): Promise<CrashError> {
  try {
    await crash({ ...pair, ...options });
  } catch (error) {
    assert(error instanceof CrashError, String(error));
    return error;
  }
  throw new Error("it passed");
}
const count = (m: Region) => m.view(BigUint64Array, 0, 1);

test("a report counts what was done", async () => {
  const { ms, ...report } = await crash(pair);
  assert(ms > 0);
  assertEquals(report, {
    ...{ complete: true, approximate: false, model: "px86", images: 9, crashPoints: 7, nestedCrashPoints: 0 },
    ...{ operations: 2, stores: 4, flushes: 4, drains: 4, warnings: [] },
  });
});

test("an operation that returned before it was durable is lost", async () => {
  const error = await caught({
    workload: async (m, t) => {
      await t.op("set", 1, () => void (count(m)[0] = 1n));
    },
  });
  assertEquals(error.kind, "lost");
});

test("an acknowledgement is a crash point even if no drain follows", async () => {
  const error = await caught({
    workload: async (m, t) => {
      await t.op("set", 1, () => m.store64(0, 1));
      await t.op("set", 2, () => void (count(m)[0] = 2n));
      await t.op("set", 3, () => m.store64(0, 3));
    },
  });
  assertEquals([error.kind, error.failure!.running], ["lost", undefined]);
  assertEquals(error.failure!.acknowledged.at(-1), { name: "set", arg: 2 });
});

test("an effect before its operation began is found, even within one epoch", async () => {
  const error = await caught({
    workload: async (m, t) => {
      count(m)[0] = 1n;
      await t.op("set", 1, () => m.persist(0, 8));
    },
  });
  assertEquals([error.kind, error.failure!.running], ["torn", undefined]);
});

test("an operation that throws must have changed nothing", async () => {
  const workload = (persisted: boolean): Options["workload"] => async (m, t) => {
    await t.op("set", 1, () => {
      if (persisted) m.store64(0, 1);
      throw new RangeError("full");
    }).catch(() => {});
  };
  assertEquals((await crash({ ...pair, workload: workload(false) })).complete, true);
  assertEquals((await caught({ workload: workload(true) })).kind, "torn");
});

test("a reference may allow further states while an operation runs", async () => {
  const batch: Partial<Options> = {
    workload: async (m, t) => {
      await t.op("both", [1, 2], () => {
        m.store64(0, 1);
        m.store64(64, 2);
      });
    },
    observe: (m) => [0, 64].map((offset) => Number(m.view(BigUint64Array, offset, 1)[0])),
  };
  const reference = { init: [0, 0], apply: (_: unknown, { arg }: { arg: unknown }) => arg as number[] };
  assertEquals((await caught({ ...batch, reference })).kind, "torn");
  const partial = () => [[1, 0]];
  assertEquals((await crash({ ...pair, ...batch, reference: { ...reference, partial } })).complete, true);
});

test("operations must be awaited", async () => {
  const workload: Options["workload"] = async (_, t) => {
    await Promise.all([1, 2].map((value) => t.op("set", value, () => Promise.resolve())));
  };
  await assertRejects(() => crash({ ...pair, workload }), TypeError, "await each operation");
});

test("a crash within recovery is tried: recovery that repairs without persisting is found", async () => {
  // Recovery completes a half-done copy, and says so in a flag that can be durable before the copy is.
  const copy = (persisted: boolean): Options => ({
    size: 1024,
    setup: (m) => m.store64(128, 1),
    workload: async (m, t) => {
      await t.op("set", 1, () => m.store64(128, 1));
    },
    recover: (m) => {
      const [flag, data] = [m.view(BigUint64Array, 128, 1), count(m)];
      if (flag[0] === 1n) {
        data[0] = 5n;
        if (persisted) m.persist(data);
        flag[0] = 2n;
        m.persist(flag);
      }
      return m;
    },
    observe: (m) => [Number(count(m)[0])],
    reference: { init: () => [5], apply: (state) => state },
  });
  assertEquals((await crash(copy(true))).complete, true);
  const { kind, failure } = await caught(copy(false));
  assertEquals([kind, failure!.path.length, failure!.lost.map(({ depth }) => depth)], ["torn", 2, [1]]);
  assertEquals((await crash({ ...copy(false), nested: 0 })).complete, true);
});

test("what recovery reads only after a crash within it is undecided in that crash", async () => {
  // Wrong only if of the two stores of recovery the second alone survived, and the store of the workload did not.
  const at = (m: Region, offset: number) => m.view(BigUint64Array, offset, 1);
  const options: Partial<Options> = {
    workload: (m, t) =>
      t.op("set", 1, () => {
        count(m)[0] = 1n;
        m.store64(256, 1); // from here on recovery repairs
        m.persist(0, 8);
      }),
    recover: (m) => {
      const [p, q] = [at(m, 128)[0], at(m, 192)[0]];
      if (at(m, 256)[0] === 1n && p === 0n && q === 0n) {
        at(m, 128)[0] = 1n;
        at(m, 192)[0] = 1n;
        m.persist(128, 128);
      }
      if (p === 0n && q === 1n && count(m)[0] === 0n) throw new Error("all three");
      return m;
    },
  };
  for (const explore of ["lazy", "exhaustive"] as const) {
    const { kind, failure } = await caught({ ...options, explore });
    assertEquals([kind, failure!.path.length, failure!.lost.length], ["threw", 2, 2]);
  }
});

test("what recovery showed must survive the next crash", async () => {
  // Recovery moves a value to its place, but forgets to persist it there before it removes the original.
  const { kind, failure } = await caught({
    workload: (m, t) => t.op("set", 1, () => m.store64(64, 1)),
    recover: (m) => {
      if (m.view(BigUint64Array, 64, 1)[0] === 1n) {
        count(m)[0] = 1n;
        m.store64(64, 0);
      }
      return m;
    },
  });
  assertEquals([kind, failure!.path.length, failure!.shown!.observed], ["not-durable", 2, [1]]);
  assertEquals(failure!.shown!.interrupted, { name: "set", arg: 1 });
});

test("recovery must give the same when it runs twice", async () => {
  const error = await caught({
    workload: () => {},
    recover: (m) => {
      m.store64(64, m.view(BigUint64Array, 64, 1)[0]! + 1n);
      return m;
    },
    observe: (m: Region) => [Number(m.view(BigUint64Array, 64, 1)[0])],
    reference: { init: () => [1], apply: (state: number[]) => state },
  });
  assertEquals(error.kind, "not-idempotent");
});

test("recovery must end", async () => {
  const recover = (m: Region) => {
    for (const words = count(m); words[0] !== 99n;);
    return m;
  };
  assertEquals((await caught({ recover, steps: 1000 })).kind, "endless");
});

test("recovery must not throw; its error is the cause", async () => {
  const cause = new Error("no header");
  const error = await caught({
    recover: () => {
      throw cause;
    },
  });
  assertEquals([error.kind, error.cause], ["threw", cause]);
  assertStringIncludes(error.message, "no header");
});

test("further: an operation after recovery does as the reference does, and survives a crash", async () => {
  const further = (durable: boolean, value: bigint): NonNullable<Options["further"]> => (m, t) =>
    t.op("set", 9, () => {
      if (durable) m.store64(0, value);
      else count(m)[0] = value;
    });
  const report = await crash({ ...pair, further: further(true, 9n) });
  assert(report.complete && report.nestedCrashPoints > 0);
  assertEquals((await caught({ further: further(true, 8n) })).kind, "further");
  assertEquals((await caught({ further: further(false, 9n) })).kind, "not-durable");
});

test("further: an effect before its operation began is found", async () => {
  const further: NonNullable<Options["further"]> = async (m, t) => {
    count(m)[0] = 9n;
    await t.op("set", 9, () => m.persist(0, 8));
  };
  assertEquals((await caught({ further })).kind, "not-durable");
});

test("a workload that does something else the second time is refused", async () => {
  let runs = 0;
  const error = await caught({ workload: (m) => m.store64(0, runs++) });
  assertEquals(error.kind, "not-deterministic");
  assertStringIncludes(error.message, "a store of 8 bytes at 0");
});

test("a recovery that reads something else when given the same bytes is refused", async () => {
  let runs = 0;
  const recover = (m: Region) => {
    m.view(Uint8Array, 64 * (runs++ % 3), 8)[0];
    return m;
  };
  assertEquals((await caught({ recover })).kind, "not-deterministic");
});

test("a choice among more ways than the time before is refused", () => {
  const choices = new Choices();
  choices.choose(2);
  choices.choose(2);
  assert(choices.next());
  assertThrows(() => choices.choose(3), DivergedError);
  // Recovery may have caught it.
  assertThrows(() => choices.finish(), DivergedError);
});

test("random numbers depend on the seed alone", async () => {
  const drawn = async (seed: number) => {
    const numbers: number[] = [];
    await crash({
      ...pair,
      seed,
      workload: async (_, t) => {
        numbers.push(t.random());
        await t.op("set", 0, () => void numbers.push(t.random()));
        numbers.push(t.random());
      },
    });
    return numbers;
  };
  const [first, same, other] = [await drawn(1), await drawn(1), await drawn(2)];
  assertEquals(first, same);
  assertEquals(first.slice(0, 3), first.slice(3)); // the second recording
  assert(first.every((number, i) => number >= 0 && number < 1 && number !== other[i]));
  assertEquals(new Set(first).size, 3);
});

test("random numbers of an operation stay when others are left out", async () => {
  const drawn = async (keep?: ReadonlySet<number>) => {
    const numbers: number[][] = [[], []];
    const workload: Options["workload"] = async (_, t) => {
      for (const i of [0, 1]) await t.op("draw", i, () => void numbers[i]!.push(t.random(), t.random()));
    };
    await record({ size: 8, workload }, keep);
    return numbers;
  };
  const all = await drawn();
  assertEquals(await drawn(new Set([1])), [[], all[1]]);
});

test("a budget that runs out is no pass", async () => {
  const images = await caught({ budget: { images: 3 } });
  assertEquals([images.kind, images.report.complete, images.report.images], ["incomplete", false, 3]);
  assertMatch(images.message, /3 images ran out/);
  const workload: Options["workload"] = async (m, t) => {
    for (let i = 0; i < 20; i++) await t.op("set", i, () => m.store64(0, i));
  };
  assertEquals((await caught({ workload, budget: { ms: 1e-6 } })).kind, "incomplete");
});

test("a budget that is just enough is a pass", async () => {
  assertEquals((await crash({ ...pair, budget: { images: 9 } })).complete, true);
});

test("what is done after recovery is tried after one recovery, and after a second that finds the work of the first", async () => {
  for (const wrong of [1n, 2n]) {
    const error = await caught({
      recover: (m) => {
        const openings = m.view(BigUint64Array, 512, 1);
        openings[0]!++;
        m.persist(openings);
        return m;
      },
      further: (m, t) =>
        t.op("set", 7, () => m.store64(0, m.view(BigUint64Array, 512, 1)[0] === wrong ? 8 : 7)),
    });
    assertEquals([error.kind, error.failure!.further!.name], ["further", "set"], `${wrong} openings`);
  }
});

test("samples are never complete, and find what is common", async () => {
  const report = await crash({ ...pair, explore: { samples: 5 } });
  assertEquals([report.complete, report.images], [false, 35]);
  const error = await caught({
    explore: { samples: 20 },
    workload: (m, t) => t.op("set", 1, () => void (count(m)[0] = 1n)),
  });
  assertEquals(error.kind, "lost");
  await caught({ workload: (m, t) => t.op("set", 1, () => void (count(m)[0] = 1n)), replay: error.token! });
});

test("recover, observe and setup may be asynchronous", async () => {
  const report = await crash({
    ...pair,
    setup: (m) => Promise.resolve(m.store64(512, 1)),
    recover: async (m) => {
      await m.sync();
      return m;
    },
    observe: async (m) => [await Promise.resolve(Number(count(m)[0]))],
  });
  assert(report.complete && report.images >= 9);
});

test("options outside their limits are refused by name", async () => {
  const refused = async (
    options: Partial<Options>,
    type: typeof Error,
    text: string,
  ) => {
    await assertRejects(() => crash({ ...pair, ...options }), type, text);
  };
  await refused({ size: 0 }, RangeError, "size is 0");
  await refused({ size: 1.5 }, RangeError, "size is 1.5");
  await refused({ nested: -1 }, RangeError, "nested is -1");
  await refused({ budget: { images: 0 } }, RangeError, "budget.images is 0");
  await refused({ budget: { ms: NaN } }, RangeError, "budget.ms is NaN");
  await refused({ explore: { samples: 0 } }, RangeError, "explore.samples is 0");
  await refused({ model: "arm" as never }, TypeError, "px86, word, sector, eadr");
  await refused({ explore: "all" as never }, TypeError, "lazy, exhaustive");
  await refused({ views: "raw" as never }, TypeError, "recorded, plain");
  await refused({ replay: "nonsense" }, SyntaxError, "not a replay token");
});
