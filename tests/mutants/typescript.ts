/** The mutants of src/: each is put in place in turn, and every promise looked at. */

import type { NativeEvent } from "../trace/events.ts";
import { Program } from "./program.ts";
import { broken } from "./scenarios.ts";
import { ownSources, sitesOf } from "./sites.ts";
import type { Verdict } from "./verdict.ts";

/** Judges every mutant of some sources, by default of all in src/. */
export async function* typescriptVerdicts(only: string, files = ownSources()): AsyncIterable<Verdict> {
  const sites = sitesOf(files);
  using program = await Program.load(files, sites);
  const whole: NativeEvent[][] = [];
  const wrong = await broken(program, whole);
  if (wrong !== undefined) throw new Error(`Without a mutant: ${wrong}`);
  const unreached = program.sites.filter(({ id }) => !program.reached.has(id));
  for (const site of program.sites.filter(({ file, line }) => `${file}:${line}`.includes(only))) {
    for (const operator of site.operators) {
      program.become({ id: site.id, operator });
      const traces: NativeEvent[][] = [];
      const killer = await broken(program, traces);
      const place = `${site.file}:${site.line}`;
      const base = { place, text: site.text, operator: operator.name };
      if (killer !== undefined) yield { ...base, outcome: "killed", reason: killer };
      else if (unreached.includes(site)) {
        yield { ...base, outcome: "survived", reason: "the workload never comes here" };
      } else if (!program.differs) {
        yield { ...base, outcome: "survived", reason: "it made no difference to any call of the workload" };
      } else if (JSON.stringify(traces) === JSON.stringify(whole)) {
        yield {
          ...base,
          outcome: "equivalent",
          reason: "every store, flush and fence of the workload is the same",
        };
      } else yield { ...base, outcome: "survived", reason: "nothing noticed" };
    }
  }
}
