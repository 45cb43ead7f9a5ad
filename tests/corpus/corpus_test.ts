// The engine against programs that are known to be right or wrong: no false alarm, and no bug missed. The programs were written from the
// rules of the models, by somebody who did not write the engine; see protocol.ts for what each says of itself.
// machines: none, what it looks at are simulated crashes
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { crash, CrashError, type Model } from "../../src/testing/mod.ts";
import { EVERY, KINDS, type Planted, type Protocol, testOf } from "./protocol.ts";
import { protocols } from "./registry.ts";
import { judge, type Verdict } from "./verdict.ts";

const begin = process.cpuUsage();
const tally = {
  right: new Map<Model, number>(),
  alarms: new Map<Model, number>(),
  wrong: new Map<Model, number>(),
  harmless: 0,
  found: new Map<string, number>(),
  bugs: new Set<string>(),
  images: 0,
};

test("the corpus is large enough, and says of every model what is right in it", () => {
  const bugs = protocols.flatMap((protocol) => Object.values(protocol.bugs));
  assertGreaterOrEqual(protocols.length, 20);
  assertGreaterOrEqual(bugs.length, 60);
  for (const kind of KINDS) assertGreaterOrEqual(bugs.filter((bug) => bug.kind === kind).length, 3, kind);
  for (const { name, right, wrong } of protocols) {
    assertEquals([...right, ...Object.keys(wrong)].sort(), [...EVERY].sort(), name);
  }
});

for (const protocol of protocols) {
  for (const model of EVERY) {
    const expected = protocol.wrong[model];
    test(`${protocol.name} is ${expected ? "wrong" : "right"} under ${model}`, async () => {
      const verdict = await judge(protocol, undefined, model, !expected);
      if (!expected && verdict.error) count(tally.alarms, model);
      assertEquals(objections(verdict, protocol, expected && { fails: expected }), []);
      count(expected ? tally.wrong : tally.right, model);
      tally.images += verdict.images;
    });
  }

  for (const [bug, planted] of Object.entries(protocol.bugs)) {
    test(`${protocol.name}, ${bug}: ${planted.kind}`, async () => {
      const [first] = harmful(protocol, planted);
      for (const model of protocol.right) {
        const isHarmless = !planted.models.includes(model);
        const verdict = await judge(protocol, bug, model, isHarmless);
        tally.images += verdict.images;
        if (isHarmless) {
          assertEquals(objections(verdict, protocol, undefined), [], model);
          tally.harmless++;
          continue;
        }
        const { loses, ...elsewhere } = planted;
        const expected = model === first ? { ...elsewhere, loses } : elsewhere;
        assertEquals(objections(verdict, protocol, expected), [], model);
        await replay(verdict, protocol, model);
        count(tally.found, planted.kind);
        tally.bugs.add(`${protocol.name}, ${bug}`);
      }
      assert(first !== undefined, "a bug that does no harm anywhere is none");
    });
  }
}

test("an engine that tries one image at each crash is caught: it passes bugs, and completes nothing", async () => {
  let objected = 0, missed = 0;
  for (const protocol of protocols) {
    const [model] = protocol.right;
    const blind = { explore: { samples: 1 }, nested: 0 };
    const passed = await judge(protocol, undefined, model!, true, blind);
    objected += objections(passed, protocol, undefined).length;
    for (const [bug, planted] of Object.entries(protocol.bugs)) {
      if (!planted.models.includes(model!)) continue;
      const verdict = await judge(protocol, bug, model!, false, blind);
      if (objections(verdict, protocol, planted).length > 0) missed++;
    }
  }
  assertEquals(objected, protocols.length);
  assertGreaterOrEqual(missed, 20);
});

const rows: Record<string, unknown>[] = [];

for (const protocol of protocols) {
  test(`${protocol.name}: lazy exploration needs no more images than exhaustive exploration, and agrees with it`, async () => {
    const [model] = protocol.right;
    const lazy = await judge(protocol, undefined, model!, false, { nested: 0 });
    const budget = { images: 3000 };
    const settings = { nested: 0, explore: "exhaustive", budget } as const;
    const exhaustive = await judge(protocol, undefined, model!, false, settings);
    const isFeasible = exhaustive.error?.kind !== "incomplete";
    if (isFeasible) {
      assertEquals(objections(exhaustive, protocol, undefined), []);
      assertGreaterOrEqual(exhaustive.images, lazy.images);
    }
    rows.push({
      protocol: protocol.name,
      model,
      "crash points": lazy.crashPoints,
      "images a point, lazy": perPoint(lazy),
      "exhaustive": isFeasible ? perPoint(exhaustive) : "over budget",
    });
  });
}

test("nothing was missed, and it did not take long", () => {
  const all = protocols.flatMap(({ name, bugs }) => Object.keys(bugs).map((bug) => `${name}, ${bug}`));
  assertEquals(all.filter((bug) => !tally.bugs.has(bug)), []);
  const { user, system } = process.cpuUsage(begin);
  const seconds = (user + system) / 1e6;
  console.table(rows);
  console.table(EVERY.map((model) => ({
    model,
    "right protocols": tally.right.get(model) ?? 0,
    "false alarms": tally.alarms.get(model) ?? 0,
    "wrong without a bug, found": tally.wrong.get(model) ?? 0,
  })));
  console.table(KINDS.map((kind) => {
    const named = protocols.flatMap(({ name, bugs }) =>
      Object.entries(bugs).filter(([, planted]) => planted.kind === kind).map(([bug]) => `${name}, ${bug}`)
    );
    const found = named.filter((bug) => tally.bugs.has(bug)).length;
    return { kind, bugs: named.length, found, "times, over the models": tally.found.get(kind) ?? 0 };
  }));
  console.log(
    `${protocols.length} protocols; ${tally.bugs.size} of ${all.length} bugs found; ${tally.harmless} times a bug ` +
      `did no harm under a model and was not reported; ${tally.images} images, ${
        seconds.toFixed(1)
      } s of processor time`,
  );
  assertLess(seconds, 60);
});

/** What is wrong with a verdict: nothing, if it is what the program deserves. */
function objections(
  { error, isLater, operations, isComplete, images }: Verdict,
  protocol: Protocol,
  expected: Partial<Planted> | undefined,
): string[] {
  if (!expected?.fails) {
    if (error) return [`false alarm: ${error.message}`];
    return isComplete && images > 0 ? [] : ["not complete"];
  }
  if (!error) return ["not found"];
  const { failure, message } = error;
  if (!failure) return [`${error.kind}: ${message}`];
  const found: string[] = [];
  if (![expected.fails].flat().includes(failure.kind)) found.push(`it is called ${failure.kind}`);
  const { running, acknowledged, shown } = failure;
  const operation = failure.further ?? running ?? acknowledged.at(-1) ?? shown?.interrupted;
  if (!operation || !message.includes(`${operation.name}(`)) found.push("no operation is named");
  if (failure.kind === "further" && !failure.further) found.push("it is not said what failed after recovery");
  if (acknowledged.length + (running ? 1 : 0) > operations!) found.push("an operation is named twice");
  if (isLater !== (expected.later ?? false)) {
    found.push("it is found without further operations, or only with them");
  }
  const starts = failure.lost.map(({ byteOffset }) => byteOffset - byteOffset % 64);
  const lines = [...new Set(starts)].sort((a, b) => a - b);
  const file = `${protocol.name.replaceAll("-", "_")}.ts`;
  for (const line of lines) {
    if (!new RegExp(`line ${line}: .*${file}:\\d+`).test(message)) found.push(`line ${line} is not named`);
  }
  if (expected.loses && `${expected.loses}` !== `${lines}`) found.push(`it names the lines ${lines}`);
  return found.map((objection) => `${objection}, not as expected (${JSON.stringify(expected)}): ${message}`);
}

/** The token of a failure says all that is needed: of the wrong program it runs the one image, of the right one none. */
async function replay({ error, failed }: Verdict, protocol: Protocol, model: Model): Promise<void> {
  const token = error!.token!;
  const { model: _, ...test } = failed!;
  const again = await crash({ ...test, replay: token }).catch((thrown: unknown) => thrown);
  assert(again instanceof CrashError, `${token} replays nothing under ${model}`);
  assertEquals([again.kind, again.message], [error!.kind, error!.message], token);
  const sequence = error!.failure!.acknowledged.concat(error!.failure!.running ?? []);
  const mended = await crash({ ...testOf(protocol, undefined, sequence, []), replay: token });
  assertEquals(mended.complete, false, token);
}

/** Where a bug does harm, of the models in which the protocol is right. */
function harmful(protocol: Protocol, planted: Planted): Model[] {
  return EVERY.filter((model) => protocol.right.includes(model) && planted.models.includes(model));
}

function perPoint({ images, crashPoints }: Verdict): number {
  return Number((images / crashPoints).toFixed(2));
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
