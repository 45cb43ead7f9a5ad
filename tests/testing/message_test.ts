// What a failure's message says to somebody who sees it for the first time: where the power was cut, and what to do about the test itself.
// machines: none, what it looks at are simulated crashes
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { crash, CrashError, type CrashOptions, type Region } from "../../src/testing/mod.ts";

type Options = CrashOptions<Region, number[]>;

/** Two words in one operation, never atomic: half of it shows although nothing was lost. */
const halves: Options = {
  size: 4096,
  workload: async (m, t) => {
    for (const value of [1, 2]) {
      await t.op("set", value, () => {
        m.store64(0, value);
        m.store64(64, value);
      });
    }
  },
  recover: (m) => m,
  observe: (m) => [Number(m.view(BigUint64Array)[0]), Number(m.view(BigUint64Array)[8])],
  reference: { init: [0, 0], apply: (_, { arg }) => [arg as number, arg as number] },
};

async function messageOf(options: Partial<Options>): Promise<string> {
  const error = await crash({ ...halves, ...options }).catch((thrown: unknown) => thrown);
  assert(error instanceof CrashError, String(error));
  return error.message;
}

function lineOf(text: string): number {
  const lines = readFileSync(new URL(import.meta.url), "utf8").split("\n");
  return lines.findIndex((line) => line.includes(text)) + 1;
}

test("where the power was cut is told by what would have come next", async () => {
  const place = `message_test.ts:${lineOf("m.store64(0, value);")}:`;
  assertMatch(await messageOf({}), new RegExp(`\\n {2}cut +before the drain at testing/${place}\\d+\\n`));
  const recover = () => {
    throw new Error("bad magic");
  };
  assertMatch(await messageOf({ recover }), /\n {2}cut +at the end\n/); // no operation is needed to show it
  assertMatch(
    await messageOf({ recover, nested: 0, workload: (m) => m.store64(0, 1) }),
    /\n {2}cut +before the drain/,
  );
  const lost = await messageOf({
    workload: async (m, t) => {
      await t.op("set", 1, () => void (m.view(BigUint64Array)[0] = m.view(BigUint64Array)[8] = 1n));
      await t.op("set", 1, () => m.store64(0, 1));
    },
  });
  assertMatch(lost, /\n {2}cut +(before set\(1\)|at the end)\n/);
});

test("a crash within recovery is told apart from the first", async () => {
  const message = await messageOf({
    workload: (m, t) => t.op("set", 1, () => m.store64(128, 1)),
    recover: (m) => {
      const place = m.view(BigUint64Array);
      if (place[16] === 1n) {
        place[0] = place[8] = 1n;
        m.store64(128, 0); // retired
        m.persist(0, 128);
      }
      return m;
    },
  });
  assertMatch(message, /\n {2}cut +(before|at the end)/);
  assertMatch(message, /lost +line 64: .* \(in recovery\)\n/);
  assertMatch(
    message,
    new RegExp(
      `\\n {2}cut again +before the drain at testing/message_test.ts:${
        lineOf("// retired")
      }:\\d+, in recovery\\n`,
    ),
  );
});

test("where something was thrown is told, and what it takes to be endless", async () => {
  const recover = () => {
    throw new Error("bad magic"); // here
  };
  const place = `testing/message_test.ts:${lineOf("// here")}:\\d+`;
  assertMatch(await messageOf({ recover }), new RegExp(`\\n {2}thrown +Error: bad magic, at ${place}\\n`));
  const observe = (m: Region) => {
    for (;;) m.view(BigUint64Array)[0];
  };
  assertMatch(
    await messageOf({ observe, steps: 50 }),
    /\n {2}thrown +StepLimitError: the region was touched more than 50 times \(option steps\)/,
  );
});

test("a workload that marks no operation is told to", async () => {
  const none = await messageOf({ workload: (m) => m.store64(0, 1) });
  assertMatch(none, /operation +none: the workload marks none with tester\.op\n/);
});

test("a state that is expected twice is shown once", async () => {
  const message = await messageOf({ reference: { init: [0, 0], apply: () => {} } });
  assertEquals(/expected +(.*)/.exec(message)![1], "[ 0, 0 ]");
});

test("if nothing was lost, the message says that the cause is elsewhere", async () => {
  assertMatch(await messageOf({}), /mend +no store was lost: .*order of the stores, or recovery/);
});

/** A value that is not flushed before a word says that it is there; used again after recovery. */
const add = (m: Region) => {
  const count = Number(m.view(BigUint64Array)[0]);
  m.view(BigUint64Array, 64 + 64 * count, 1)[0] = 7n; // not flushed
  m.store64(0, count + 1);
};
const cells: Partial<Options> = {
  workload: async (m, t) => {
    for (let i = 0; i < 3; i++) await t.op("add", undefined, () => add(m));
  },
  observe: (m) =>
    Array.from(
      { length: Number(m.view(BigUint64Array)[0]) },
      (_, i) => Number(m.view(BigUint64Array)[8 + 8 * i]),
    ),
  reference: { init: [], apply: (state) => [...state, 7] },
};

test("a bug that also shows after recovery is shown without it, and mended as if there were nothing further", async () => {
  const message = await messageOf({ ...cells, further: (m, t) => t.op("add", undefined, () => add(m)) });
  assert(!/cut again|recovered/.test(message), message);
  assertMatch(
    message,
    new RegExp(
      `mend +persist\\(64, 8\\) after the store at testing/message_test.ts:${lineOf("// not flushed")}:`,
    ),
  );
});

test("a store that was lost after the first crash is not blamed on recovery alone", async () => {
  const message = await messageOf({
    ...cells,
    workload: () => {},
    further: (m, t) => t.op("add", undefined, () => add(m)),
  });
  assertMatch(message, /lost +line 64: 8 bytes stored at 64, by .* \(in recovery, or after it\)\n/);
  assertMatch(
    message,
    /mend +a store was lost that recovery made, or what came after it: look at what is persisted there/,
  );
});
