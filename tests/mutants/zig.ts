/**
 * The mutants of zig/: each is compiled as the shipped library is, and traced, instruction by instruction, while the real TypeScript
 * runs the workload on it. What no trace of this machine can show is left to the library's own tests and to the emulated aarch64.
 */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { wrongWith } from "../trace/check.ts";
import { run } from "../trace/command.ts";
import type { NativeTrace } from "../trace/events.ts";
import { build, sources } from "../trace/library.ts";
import { traced } from "../trace/tracer.ts";
import { root } from "../helpers/child.ts";
import { wrongOnArm } from "./arm.ts";
import { remembered } from "./memory.ts";
import type { Verdict } from "./verdict.ts";
import { type ZigSite, zigSites } from "./zig_sites.ts";

/** A verdict that may still turn out to be an equivalence: nothing is seen to change. */
type Judgement = Pick<Verdict, "outcome" | "reason">;

/** As many at a time as this machine can bear. */
const width = Math.max(1, navigator.hardwareConcurrency);

/** The phases that a mutant goes through, until one kills it: the likeliest first, the longest last. */
const stages = [["clflush"], ["clwb, avx", "clwb, sse2", "clflushopt"], ["byte", "page"], ["cache-line"]];

const unchanged = "every store, flush and fence of the workload is the same";

/** Judges every mutant. */
export async function* zigVerdicts(only: string): AsyncIterable<Verdict> {
  const original = withHelpers(sources());
  using bench = await Bench.set(original);
  const sites = zigSites(sources()).filter(({ file, line }) => `${file}:${line}`.includes(only));
  const work = sites.flatMap((site) => site.mutants.map((mutant) => ({ site, mutant })));
  const pending = work.map(({ site, mutant }) => () =>
    remembered([mutant.source, site.file], () => bench.judge(site, mutant.source))
  );
  const judged = inParallel(pending, width);
  const bySite = new Map<ZigSite, { operator: string; source: string; judgement: Judgement }[]>();
  for (const [index, { site, mutant }] of work.entries()) {
    const list = bySite.get(site) ?? [];
    bySite.set(site, list);
    list.push({ ...mutant, judgement: await judged[index]! });
    if (list.length < site.mutants.length) continue;
    // Where another mutant of the same place was noticed, the workload does come there
    const isReached = list.some(({ judgement }) => judgement.outcome === "killed");
    for (const { operator, judgement, source } of list) {
      const base = { place: `${site.file}:${site.line}`, text: site.text, operator };
      const isSame = judgement.outcome === "survived" && judgement.reason === unchanged;
      if (isSame && isReached) yield { ...base, ...judgement, outcome: "equivalent" };
      else if (judgement.outcome !== "survived") yield { ...base, ...judgement };
      else {yield {
          ...base,
          ...await remembered(["tests", source, site.file], () => bench.test(site, source, judgement)),
        };}
    }
  }
}

function withHelpers(from: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...from, ["mutant.zig", readFileSync(`${root}tests/mutants/mutant.zig`, "utf8")]]);
}

/** Starts at most so many at a time; each result comes when it comes. */
function inParallel<T>(work: readonly (() => Promise<T>)[], width: number): Promise<T>[] {
  const settlers = work.map(() => Promise.withResolvers<T>());
  let next = 0;
  const worker = async () => {
    while (next < work.length) {
      const index = next++;
      await work[index]!().then(settlers[index]!.resolve, settlers[index]!.reject);
    }
  };
  for (let i = 0; i < width; i++) void worker();
  return settlers.map(({ promise }) => promise);
}

/** The original, with which mutants are compared. */
class Bench implements Disposable {
  readonly #sources: ReadonlyMap<string, string>;
  readonly #code: Readonly<Record<"x86_64" | "aarch64", string>>;
  readonly #steps: string;
  readonly #checkout: string;

  private constructor(
    sources: ReadonlyMap<string, string>,
    code: Readonly<Record<"x86_64" | "aarch64", string>>,
    steps: string,
    checkout: string,
  ) {
    this.#sources = sources;
    this.#code = code;
    this.#steps = steps;
    this.#checkout = checkout;
  }

  [Symbol.dispose](): void {
    rmSync(this.#checkout, { recursive: true, force: true });
  }

  static async set(sources: ReadonlyMap<string, string>): Promise<Bench> {
    const [x86, aarch64] = await Promise.all([build(sources, "x86_64"), build(sources, "aarch64")]);
    if (typeof x86 === "string" || typeof aarch64 === "string") throw new Error(`${x86}${aarch64}`);
    const checkout = snapshot();
    let steps = "";
    let wrong = await wrongOnArm(sources);
    for (const names of stages) {
      const made = await traceOf(x86, names, checkout);
      wrong ??= await wrongWith(made, names);
      steps += stepsOf(made);
    }
    if (wrong !== undefined) throw new Error(`Without a mutant: ${wrong}`);
    return new Bench(
      sources,
      { x86_64: x86.toBase64(), aarch64: aarch64.toBase64() },
      steps,
      checkout,
    );
  }

  async judge({ file }: ZigSite, source: string): Promise<Judgement> {
    const changed = new Map(this.#sources).set(file.slice("zig/".length), source);
    const x86 = await build(changed, "x86_64");
    if (typeof x86 === "string") return { outcome: "invalid", reason: firstError(x86) };
    if (x86.toBase64() === this.#code.x86_64) {
      const aarch64 = await build(changed, "aarch64");
      if (typeof aarch64 === "string") return { outcome: "invalid", reason: firstError(aarch64) };
      if (aarch64.toBase64() === this.#code.aarch64) {
        return { outcome: "equivalent", reason: "the same machine code on both architectures" };
      }
      const wrong = await wrongOnArm(changed);
      return wrong === undefined
        ? { outcome: "survived", reason: "nothing noticed on aarch64" }
        : { outcome: "killed", reason: wrong };
    }
    let steps = "";
    for (const names of stages) {
      try {
        const made = await traceOf(x86, names, this.#checkout);
        const wrong = await wrongWith(made, names);
        if (wrong !== undefined) return { outcome: "killed", reason: wrong };
        steps += stepsOf(made);
      } catch (error) {
        return { outcome: "killed", reason: String(error) };
      }
    }
    return { outcome: "survived", reason: steps === this.#steps ? unchanged : "nothing noticed" };
  }

  /** Runs the file's own tests, where nothing else has noticed. */
  async test({ file }: ZigSite, source: string, before: Judgement): Promise<Judgement> {
    const own = file.slice("zig/".length), changed = new Map(this.#sources).set(own, source);
    const folder = mkdtempSync(`${tmpdir()}/daxfile-mutant-`);
    try {
      for (const [name, text] of changed) {
        writeFileSync(`${folder}/${name}`, text);
      }
      const { status, output } = await run(
        `${root}node_modules/.bin/zig`,
        ["test", own, "-fllvm", "--test-filter", `${own.replace(".zig", "")}.test.`],
        { cwd: folder, timeout: 300_000 },
      );
      if (status === 0) return before;
      return { outcome: "killed", reason: /'[^']*\.test\.[^']*'/.exec(output)?.[0] ?? firstError(output) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** A copy of what the traced program consists of, so that nobody changes it meanwhile. */
function snapshot(): string {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-mutants-`);
  for (const part of ["mod.ts", "src", "ffi", "tests/trace", "tests/helpers"]) {
    cpSync(`${root}${part}`, `${folder}/${part}`, { recursive: true });
  }
  return `${folder}/`;
}

async function traceOf(
  library: Uint8Array,
  names: readonly string[],
  checkout: string,
): Promise<NativeTrace[]> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-mutant-`);
  try {
    writeFileSync(`${folder}/library.so`, library);
    return await traced("bun", `${folder}/library.so`, names, checkout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was done to the files, without the addresses that differ from run to run. */
function stepsOf(traces: readonly NativeTrace[]): string {
  const steps = traces.map(({ events }) =>
    events.filter(({ kind }) => kind !== "call" && kind !== "system" && kind !== "return")
  );
  return JSON.stringify(steps);
}

function firstError(output: string): string {
  return /.*\berror\b.*/.exec(output)?.[0] ?? output.trim().split("\n").at(-1) ?? "";
}
