// Toy structures that are right pass, and each of their mutants is found.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assertEquals, assertGreater } from "@std/assert";
import { crash, CrashError, type Model, sequences } from "../../src/testing/mod.ts";
import { kinds, type Mutant, mutated } from "./mutants.ts";
import { log, ring, slots, type Subject, testOf, undo } from "./structures.ts";

const subjects = { slots, log, undo, ring };
const models: readonly Model[] = ["px86", "word", "sector", "eadr"];

for (const [name, subject] of Object.entries(subjects)) {
  for (const model of models) {
    test(`${name} survives every crash of every sequence of three operations, ${model}`, async () => {
      for (const sequence of sequences({ operations: subject.operations, upTo: 3 })) {
        const report = await crash({ ...testOf(subject, sequence), model });
        assertEquals([report.complete, report.approximate], [true, false]);
        assertGreater(report.images, sequence.length);
      }
    });
  }

  test(`${name}: exhaustive exploration says the same`, async () => {
    for (const sequence of sequences({ operations: subject.operations, upTo: 2 })) {
      const report = await crash({ ...testOf(subject, sequence), explore: "exhaustive" });
      assertEquals(report.complete, true);
    }
  });

  test(`${name}: every flush and drain that is dropped or narrowed is missed`, async () => {
    const sites = new Set<string>();
    for (const sequence of sequences({ operations: subject.operations, upTo: 2 })) {
      await crash(testOf(subject, sequence, (m) => mutated(m, undefined, (site) => sites.add(site))));
    }
    const survivors: string[] = [];
    let killed = 0;
    for (const site of sites) {
      for (const kind of kinds[site.split(" ")[0]!]!) {
        if (await isKilled(subject, { site, kind })) killed++;
        else survivors.push(`${site}: ${kind}`);
      }
    }
    assertEquals(survivors, []);
    assertGreater(killed, 2);
    console.log(`${name}: ${killed} mutants killed`);
  });
}

async function isKilled(subject: Subject, mutant: Mutant): Promise<boolean> {
  for (const sequence of sequences({ operations: subject.operations, upTo: 3 })) {
    try {
      await crash(testOf(subject, sequence, (m) => mutated(m, mutant)));
    } catch (error) {
      if (error instanceof CrashError) return true;
      throw error;
    }
  }
  return false;
}
