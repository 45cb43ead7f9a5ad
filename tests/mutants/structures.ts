/** The mutants of the structures, which are the folders of src/: each folder's crash scenarios must kill those of its own. */

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import type { CrashOptions } from "../../src/testing/mod.ts";
import type { Memory } from "../../src/testing/memory.ts";
import type { RecordedRegion } from "../../src/testing/region.ts";
import { root } from "../helpers/child.ts";
import { hoisted, maskTypeScript } from "./mask.ts";
import { marked, operators, type RegionSite, regionSites, Weakness } from "./regions.ts";
import { ownSources, regionMethods, sourcesOf } from "./sites.ts";
import { Transcript } from "./transcript.ts";
import type { Verdict } from "./verdict.ts";

/** A folder of sources and the module with its crash scenarios. */
export interface Structure {
  readonly folder: string;
  /** Exports `scenarios`, of the type {@linkcode Scenarios}. */
  readonly scenarios: string | undefined;
}

/** Crash tests by their names, small ones: each is run against every mutant. */
// deno-lint-ignore no-explicit-any
export type Scenarios = Readonly<Record<string, CrashOptions<any, any>>>;

/** src/testing is what judges: its flushes are a model's, and write nothing back. */
const judges = "src/testing";

/** The folders of src/ that are no part of the library itself, each with tests/NAME/crash_scenarios.ts. */
export function structures(): Structure[] {
  const own = new Set(Array.from(ownSources().keys(), dirname));
  return readdirSync(`${root}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ folder: `src/${name}`, scenarios: `tests/${name}/crash_scenarios.ts` }))
    .filter(({ folder }) => folder !== judges && !own.has(folder))
    .map(({ folder, scenarios }) => ({
      folder,
      scenarios: existsSync(`${root}${scenarios}`) ? scenarios : undefined,
    }));
}

/** Judges every mutant of every folder. */
export async function* structureVerdicts(only: string, of = structures()): AsyncIterable<Verdict> {
  const methods = regionMethods();
  for (const { folder, scenarios } of of) {
    const sites = Array.from(sourcesOf(folder), ([file, source]) => regionSites(file, source, methods)).flat()
      .map((site, id) => ({ ...site, id }));
    const chosen = sites.filter(({ file, line }) => `${file}:${line}`.includes(only));
    if (chosen.length === 0) continue;
    if (scenarios === undefined) {
      // Whether a call of these names is a region's shows only when it runs
      const certain = chosen.filter(({ method }) => !/^(?:write|fill|sync)$/.test(method));
      for (const site of certain) {
        yield survivor(site, `there is no tests/${folder.slice(4)}/crash_scenarios.ts`);
      }
      continue;
    }
    using copies = new Copies(folder, scenarios);
    const bench = await copies.make(sites);
    const killer = await bench.run(undefined);
    if (killer !== undefined) throw new Error(`${folder} without a mutant: ${killer}`);
    for (const site of chosen) {
      if (!bench.weakness.passed.has(site.id)) yield survivor(site, "the crash scenarios never come here");
      if (!bench.weakness.reached.has(site.id)) continue;
      for (const operator of operators) {
        const verdict = await judged(site, operator, bench, { id: site.id, operator });
        // A call that has nothing of what is left out has no such mutant
        if (verdict.outcome === "killed" || bench.weakness.differs) yield verdict;
      }
      const text = hoistedFile(site);
      if (text === undefined) continue;
      const other = await copies.make([], [site.file, text]).catch(String);
      if (typeof other === "string") {
        yield { ...survivor(site, other), operator: "hoist", outcome: "invalid" };
        continue;
      }
      other.original = bench.original;
      other.weakness.limit = bench.weakness.limit;
      yield await judged(site, "hoist", other, undefined);
      bench.weakness.listen();
    }
  }
}

function survivor({ file, line, method }: RegionSite, reason: string): Verdict {
  return { place: `${file}:${line}`, text: method, operator: "any", outcome: "survived", reason };
}

async function judged(
  { file, line, method }: RegionSite,
  operator: string,
  bench: Bench,
  mutant: { readonly id: number; readonly operator: string } | undefined,
): Promise<Verdict> {
  const base = { place: `${file}:${line}`, text: method, operator };
  const killer = await bench.run(mutant);
  if (killer !== undefined) return { ...base, outcome: "killed", reason: killer };
  return await bench.isSame(mutant)
    ? { ...base, outcome: "equivalent", reason: "in every run the same bytes are durable after each drain" }
    : { ...base, outcome: "survived", reason: "no crash scenario noticed" };
}

/** A structure's source with a call before the statement that precedes it. */
function hoistedFile({ file, start, end }: RegionSite): string | undefined {
  const source = readFileSync(`${root}${file}`, "utf8");
  return hoisted(source, maskTypeScript(source), start, end);
}

/** The engine of a copy of the checkout, as far as it is needed to look for a failure and not to explain it. */
interface Engine {
  readonly record: typeof import("../../src/testing/record.ts").record;
  readonly settingsOf: typeof import("../../src/testing/options.ts").settingsOf;
  readonly newTally: typeof import("../../src/testing/explore.ts").newTally;
  readonly firstFailure: typeof import("../../src/testing/search.ts").firstFailure;
}

/** One copy, loaded. */
class Bench {
  /** The transcript of the structure as it is. */
  original: Promise<string> | undefined;

  #order: readonly string[];

  constructor(
    readonly weakness: Weakness,
    readonly engine: Engine,
    readonly scenarios: Scenarios,
  ) {
    this.#order = Object.keys(scenarios);
  }

  /** Runs the scenarios until one shows the mutant: what it shows. */
  async run(
    mutant: { readonly id: number; readonly operator: string } | undefined,
  ): Promise<string | undefined> {
    const { weakness } = this;
    weakness.become(mutant);
    for (const name of this.#order) {
      const wrong = await this.#wrong(this.scenarios[name]!).catch((error) => String(error));
      if (wrong === undefined) continue;
      // What has noticed one mutant often notices the next
      this.#order = [name, ...this.#order.filter((other) => other !== name)];
      return `${name}: ${wrong}`;
    }
    // A mutant that makes more of it than ten times what the original does goes on forever
    if (weakness.limit === Infinity) weakness.limit = 10 * weakness.steps;
    return undefined;
  }

  async #wrong(options: Scenarios[string]): Promise<string | undefined> {
    const { record, settingsOf, newTally, firstFailure } = this.engine;
    const settings = settingsOf(options), trace = await record(settings), tally = newTally(trace);
    const failure = await firstFailure(settings, trace, { tally });
    if (failure !== undefined) return `${failure.kind} after ${failure.acknowledged.length} operations`;
    return tally.exhausted ? `the budget of ${tally.exhausted} ran out` : undefined;
  }

  /** Whether everything that was run does the same. */
  async isSame(mutant: { readonly id: number; readonly operator: string } | undefined): Promise<boolean> {
    this.original ??= this.#transcript(undefined);
    return await this.original === await this.#transcript(mutant);
  }

  async #transcript(mutant: { readonly id: number; readonly operator: string } | undefined): Promise<string> {
    const transcript = this.weakness.transcript = new Transcript();
    await this.run(mutant);
    this.weakness.transcript = undefined;
    return transcript.text;
  }
}

/** Copies of the checkout's sources, each imported as another program. */
class Copies implements Disposable {
  readonly #folder: string;
  readonly #scenarios: string;
  readonly #copies: string[] = [];

  constructor(folder: string, scenarios: string) {
    this.#folder = folder;
    this.#scenarios = scenarios;
  }

  /** A copy in which calls are marked, or one file is another. */
  async make(sites: readonly RegionSite[], other?: readonly [file: string, text: string]): Promise<Bench> {
    const copy = mkdtempSync(`${tmpdir()}/daxfile-structures-`);
    this.#copies.push(copy);
    for (const part of ["mod.ts", "src", "ffi", this.#folder, dirname(this.#scenarios)]) {
      cpSync(`${root}${part}`, `${copy}/${part}`, { recursive: true });
    }
    for (const [file, source] of sourcesOf(this.#folder)) {
      writeFileSync(`${copy}/${file}`, marked(source, sites.filter((site) => site.file === file)));
    }
    if (other !== undefined) writeFileSync(`${copy}/${other[0]}`, other[1]);
    const load = <T>(path: string) => import(`${copy}/${path}`) as Promise<T>;
    const engine = await Promise.all(
      ["record", "options", "explore", "search"].map((name) => load<object>(`src/testing/${name}.ts`)),
    );
    const { Memory: memory } = await load<{ Memory: typeof Memory }>("src/testing/memory.ts");
    const { RecordedRegion: region } = await load<{ RecordedRegion: typeof RecordedRegion }>(
      "src/testing/region.ts",
    );
    const weakness = new Weakness(memory, region, regionMethods());
    const { scenarios } = await load<{ scenarios: Scenarios }>(this.#scenarios);
    return new Bench(weakness, Object.assign({}, ...engine) as Engine, scenarios);
  }

  [Symbol.dispose](): void {
    for (const folder of this.#copies) rmSync(folder, { recursive: true, force: true });
  }
}
