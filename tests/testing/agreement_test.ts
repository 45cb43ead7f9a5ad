// Lazy and exhaustive exploration agree on random small programs: the same verdict, the same outcomes.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { crash, CrashError } from "../../src/testing/mod.ts";
import { explore } from "../../src/testing/explore.ts";
import { Memory } from "../../src/testing/memory.ts";
import { MODELS } from "../../src/testing/model.ts";
import { settingsOf } from "../../src/testing/options.ts";
import { randomFrom } from "../../src/testing/random.ts";
import { record } from "../../src/testing/record.ts";
import { RecordedRegion } from "../../src/testing/region.ts";
import { imagesOf } from "./oracle.ts";
import { programOf, run, SIZE, type SmallProgram } from "./programs.ts";
import type { Trace } from "../../src/testing/trace.ts";

const PROGRAMS = 10_000, PART = 500;

function settingsFor(program: SmallProgram, explored: "lazy" | "exhaustive", states: readonly unknown[]) {
  return settingsOf<number[], number[]>({
    size: SIZE,
    model: program.model,
    explore: explored,
    workload: (m, t) => run(program, m, t),
    recover: program.recover,
    observe: (seen) => seen,
    reference: {
      init: states[0] as number[],
      apply: (_, { arg }) => states[(arg as number) + 1] as number[],
    },
  });
}

/** Runs recovery on bytes that are certain; tells what it saw and did. */
function recoverFrom(program: SmallProgram, bytes: Uint8Array) {
  const memory = new Memory(SIZE);
  memory.bytes.set(bytes);
  const observed = program.recover(new RecordedRegion(memory, MODELS[program.model], false));
  return { observed, events: memory.events };
}

/** What the program means: recovery's answer with nothing lost, before any operation and after each. */
function statesOf(program: SmallProgram, { initial, events }: Trace): number[][] {
  const bytes = initial.slice();
  const states = [recoverFrom(program, bytes).observed];
  for (const event of events) {
    if (event.kind === "store") bytes.set(event.bytes, event.byteOffset);
    if (event.kind === "acknowledge") states.push(recoverFrom(program, bytes).observed);
  }
  return states;
}

/** Every observation after a crash at any moment, nested crashes included, and whether each was allowed. */
function judge(program: SmallProgram, trace: Trace, states: readonly number[][]) {
  const outcomes = new Set<string>(), nested = new Set<string>();
  let right = true, acknowledged = 0, running = false;
  for (let moment = 0; moment <= trace.events.length; moment++) {
    const allowed = states.slice(acknowledged, acknowledged + (running ? 2 : 1)).map(String);
    for (const image of imagesOf(program.model, trace.initial, trace.events, moment)) {
      const { observed, events } = recoverFrom(program, image);
      outcomes.add(String(observed));
      if (!allowed.includes(String(observed))) {
        right = false;
        continue; // the engine looks no further either
      }
      if (!events.some(({ kind }) => kind === "store")) continue;
      const after = image.slice();
      for (const event of events) if (event.kind === "store") after.set(event.bytes, event.byteOffset);
      const second = recoverFrom(program, after);
      if (String(second.observed) !== String(observed)) {
        right = false;
        continue;
      }
      const all = [...events, ...second.events];
      for (let again = 0; again <= all.length; again++) {
        for (const left of imagesOf(program.model, image, all, again)) {
          const seen = String(recoverFrom(program, left).observed);
          nested.add(seen);
          // From the end of the first recovery on, what it showed must stay.
          if (!(again >= events.length ? [String(observed)] : allowed).includes(seen)) right = false;
        }
      }
    }
    const kind = trace.events[moment]?.kind;
    if (kind === "begin") running = true;
    if (kind === "acknowledge") [running, acknowledged] = [false, acknowledged + 1];
  }
  return { outcomes, nested, right };
}

async function explored(program: SmallProgram, how: "lazy" | "exhaustive", trace: Trace, states: number[][]) {
  const outcomes = new Set<string>(), nested = new Set<string>();
  let right = true;
  const tally = await explore(settingsFor(program, how, states), trace, {
    onFailure: () => right = false,
    onOutcome: (path, observed) => (path.length === 1 ? outcomes : nested).add(String(observed)),
  });
  return { outcomes, nested, right, ...tally };
}

// In parts, for some runners give a test five seconds.
for (let first = 0; first < PROGRAMS; first += PART) {
  test(`lazy, exhaustive and the plain model agree on random programs, from ${first} on`, async () => {
    let wrong = 0, fewer = 0, nested = 0;
    for (let seed = first; seed < first + PART; seed++) {
      const program = programOf(randomFrom(seed));
      const trace = await record(settingsFor(program, "lazy", []));
      const states = statesOf(program, trace);
      const truth = judge(program, trace, states);
      const lazy = await explored(program, "lazy", trace, states);
      const exhaustive = await explored(program, "exhaustive", trace, states);
      assertEquals([lazy.right, exhaustive.right], [truth.right, truth.right], `verdicts, program ${seed}`);
      for (const { outcomes, nested } of [lazy, exhaustive]) {
        assertEquals([...outcomes].sort(), [...truth.outcomes].sort(), `outcomes, program ${seed}`);
        // Where recovery stored nothing, the engine knows that a crash within it changes nothing.
        const all = new Set([...outcomes, ...nested]);
        const expected = truth.right ? new Set([...truth.outcomes, ...truth.nested]) : all;
        assertEquals([...all].sort(), [...expected].sort(), `nested outcomes, program ${seed}`);
      }
      wrong += truth.right ? 0 : 1;
      fewer += exhaustive.images - lazy.images;
      nested += lazy.nestedCrashPoints;
    }
    // Both verdicts must be common, and crashes within recovery, or agreeing means little.
    assert(nested > PART / 4, `${nested} nested crash points`);
    assert(wrong > PART / 5 && wrong < PART * 4 / 5 && fewer > 0);
  });
}

test("crash() gives the verdict of the exploration, with its default settings", async () => {
  for (let seed = 0; seed < 300; seed++) {
    const program = programOf(randomFrom(seed));
    const trace = await record(settingsFor(program, "lazy", []));
    const states = statesOf(program, trace);
    const { right } = await explored(program, "lazy", trace, states);
    const verdict = await crash(settingsFor(program, "lazy", states)).then(
      ({ complete }) => complete,
      (error) => {
        assert(error instanceof CrashError);
        return false;
      },
    );
    assertEquals(verdict, right, `program ${seed}`);
  }
});
