/**
 * The mutants of the structures: each folder with the module whose crash tests must kill them. A new structure is a line here.
 */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Region } from "../../mod.ts";
import { root } from "../helpers/child.ts";
import { marked, operatorsOf, type RegionSite, regionSites, Weakness } from "./regions.ts";
import { hoisted, maskTypeScript } from "./mask.ts";
import { sourcesOf } from "./sites.ts";
import type { Verdict } from "./verdict.ts";

/** A folder of structures and what kills their mutants. */
export interface Structures {
  readonly folder: string;
  /** A module whose `crashes` runs crash tests on the folder as it is imported from a copy of the checkout; throws what they throw. */
  readonly killer: string;
}

/** What a killer exports. */
export type Crashes = (folder: string, weaken: <R extends Region>(m: R) => R) => Promise<void>;

/** What is judged by `deno task test:mutants`. */
export const structures: readonly Structures[] = [
  { folder: "tests/mutants/toy", killer: "tests/mutants/toy_crashes.ts" },
];

/** Judges every mutant of every folder. */
export async function* structureVerdicts(only: string, of = structures): AsyncIterable<Verdict> {
  for (const { folder, killer } of of) {
    const { crashes } = await import(`${root}${killer}`) as { crashes: Crashes };
    const sites = Array.from(sourcesOf(folder), ([file, source]) => regionSites(file, source)).flat()
      .map((site, id) => ({ ...site, id }));
    using copies = new Copies();
    const copy = copies.make(folder, sites);
    const plain = new Weakness();
    await crashes(copy, (m) => plain.region(m));
    const chosen = sites.filter(({ file, line }) => `${file}:${line}`.includes(only));
    for (const site of chosen.filter(({ id }) => plain.reached.has(id))) {
      for (const operator of operatorsOf(site.method)) {
        const weakness = new Weakness({ id: site.id, operator });
        yield await verdict(site, operator, weakness, () => crashes(copy, (m) => weakness.region(m)));
      }
      const text = hoistedFile(site);
      if (text === undefined) continue;
      const other = copies.make(folder, [], [site.file, text]);
      yield await verdict(site, "hoist", new Weakness(), () => crashes(other, (m) => m));
    }
    for (const site of chosen.filter(({ id }) => !plain.reached.has(id))) {
      const { file, line, method } = site;
      // A typed array has a fill of its own, which is none of ours
      if (method === "fill") continue;
      const reason = "the crash tests never come here";
      yield { place: `${file}:${line}`, text: method, operator: "any", outcome: "survived", reason };
    }
  }
}

async function verdict(
  { file, line, method }: RegionSite,
  operator: string,
  weakness: Weakness,
  body: () => Promise<void>,
): Promise<Verdict> {
  const base = { place: `${file}:${line}`, text: method, operator };
  try {
    await body();
  } catch (error) {
    return { ...base, outcome: "killed", reason: String(error) };
  }
  return operator === "hoist" || weakness.differs
    ? { ...base, outcome: "survived", reason: "no crash test noticed" }
    : { ...base, outcome: "equivalent", reason: "at every call the same lines are flushed" };
}

/** A structure's source with a call before the statement that precedes it. */
function hoistedFile({ file, start, end }: RegionSite): string | undefined {
  const source = readFileSync(`${root}${file}`, "utf8");
  return hoisted(source, maskTypeScript(source), start, end);
}

/** Copies of the checkout's sources, each imported as another program. */
class Copies implements Disposable {
  readonly #folders: string[] = [];

  /** The path of a folder in a copy in which the calls are marked, or one file is another. */
  make(
    folder: string,
    sites: readonly (RegionSite & { id: number })[],
    other?: readonly [string, string],
  ): string {
    const copy = mkdtempSync(`${tmpdir()}/daxfile-structures-`);
    this.#folders.push(copy);
    for (const part of ["mod.ts", "src", "ffi", folder]) {
      cpSync(`${root}${part}`, `${copy}/${part}`, { recursive: true });
    }
    for (const [file, source] of sourcesOf(folder)) {
      writeFileSync(`${copy}/${file}`, marked(source, sites.filter((site) => site.file === file)));
    }
    if (other !== undefined) writeFileSync(`${copy}/${other[0]}`, other[1]);
    return `${copy}/${folder}`;
  }

  [Symbol.dispose](): void {
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}
