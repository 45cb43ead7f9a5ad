/**
 * The mutants of zig/: each is compiled as the shipped library is, and traced, instruction by instruction, while the real TypeScript
 * runs the workload on it; then run as a program for aarch64, where that is another one; then by the tests of its own file.
 */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { wrongWith } from "../trace/check.ts";
import { run, zig } from "../trace/command.ts";
import { merged } from "../trace/calls.ts";
import type { NativeTrace } from "../trace/events.ts";
import { build, sources } from "../trace/library.ts";
import { phases as phasesOf } from "../trace/phases.ts";
import { traced } from "../trace/tracer.ts";
import { root } from "../helpers/child.ts";
import { notCompiled, wrongOnArm } from "./arm.ts";
import type { Verdict } from "./verdict.ts";
import { type ZigSite, zigSites } from "./zig_sites.ts";

type Judgement = Pick<Verdict, "outcome" | "reason">;

type Architecture = "x86-64" | "aarch64";

/** What was found out of a mutant; `same` are the architectures on which its code is another one and does the same. */
type Finding = Judgement & { readonly same?: readonly Architecture[]; readonly shows?: boolean };

/** At a time: each is a compiler or a program that is stepped through. */
const width = Math.min(2, navigator.hardwareConcurrency);

/** The phases that a mutant goes through, until one kills it: at first the shortest first. */
const allPhases: readonly string[] = [
  "clflush",
  "clwb, avx",
  "byte",
  "page",
  "clflushopt",
  "clwb, sse2",
  "cache-line",
];

/** Judges every mutant. */
export async function* zigVerdicts(only: string, from = sources()): AsyncIterable<Verdict> {
  const sites = zigSites(from).filter(({ file, line }) => `zig/${file}:${line}`.includes(only));
  const bench = await Bench.set(from);
  const work = sites.flatMap((site) => site.mutants.map(({ source }) => () => bench.find(site, source)));
  const found = inParallel(work, width);
  for (const site of sites) {
    const findings = await Promise.all(found.splice(0, site.mutants.length));
    for (const [index, { operator }] of site.mutants.entries()) {
      const base = { place: `zig/${site.file}:${site.line}`, text: site.text, operator };
      yield { ...base, ...await proven(bench, site, findings, findings[index]!) };
    }
    if (site.mutants.length === 0) {
      throw new Error(`zig/${site.file}:${site.line}: ${site.text} has no mutant`);
    }
  }
}

/** That a mutant does the same counts only where another one of the same place shows that the workload comes there. */
async function proven(
  bench: Bench,
  site: ZigSite,
  findings: readonly Finding[],
  { outcome, reason, same }: Finding,
): Promise<Judgement> {
  if (same === undefined) return { outcome, reason };
  for (const architecture of same) {
    const shows = architecture === "x86-64" && findings.some(({ shows }) => shows);
    if (!shows && !await bench.isReached(site, architecture)) {
      return { outcome: "survived", reason: `the workload never comes here on ${architecture}` };
    }
  }
  return {
    outcome: "equivalent",
    reason: `every store, flush and fence of the workload is the same on ${same.join(" and ")}`,
  };
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

/** What is wrong with a library's trace, or what it did. */
type Traced = { readonly wrong: string } | { readonly steps: readonly string[] };

interface Code {
  readonly x86: string;
  readonly arm: string;
}

/** The original, with which mutants are compared. */
export class Bench {
  readonly #sources: ReadonlyMap<string, string>;
  readonly #code: Code;
  readonly #steps: readonly string[];
  readonly #checkout: string;
  readonly #phases: readonly string[];
  /** The same, with the one that has killed the latest mutant first: what noticed one often notices the next. */
  #order: readonly string[];
  readonly #traced = new Map<string, Promise<Traced>>();
  readonly #reached = {
    "x86-64": new Map<ZigSite, Promise<boolean>>(),
    "aarch64": new Map<ZigSite, Promise<boolean>>(),
  };

  private constructor(
    sources: ReadonlyMap<string, string>,
    code: Code,
    steps: readonly string[],
    checkout: string,
    phases: readonly string[],
  ) {
    this.#sources = sources;
    this.#code = code;
    this.#steps = steps;
    this.#checkout = checkout;
    this.#phases = this.#order = phases;
  }

  /** Looks at the original; mutants then go through the same phases. */
  static async set(from: ReadonlyMap<string, string>, wanted = allPhases): Promise<Bench> {
    const phases = wanted.filter((name) => phasesOf([name]).length > 0);
    const sources = new Map(from).set("mutant.zig", readFileSync(`${root}tests/mutants/mutant.zig`, "utf8"));
    const [x86, arm] = await Promise.all([build(sources, "x86_64"), build(sources, "aarch64")]);
    if (typeof x86 === "string" || typeof arm === "string") throw new Error(`${x86}${arm}`);
    const checkout = snapshot();
    const steps: string[] = [];
    let wrong = await wrongOnArm(sources);
    for (const phase of phases) {
      const made = await traceOf(x86, phase, checkout);
      wrong ??= await wrongWith(made, [phase]);
      steps.push(...stepsOf(made));
    }
    if (wrong !== undefined) throw new Error(`Without a mutant: ${wrong}`);
    return new Bench(sources, { x86: x86.toBase64(), arm: arm.toBase64() }, steps, checkout, phases);
  }

  async find({ file }: ZigSite, source: string): Promise<Finding> {
    const changed = new Map(this.#sources).set(file, source), x86 = await build(changed, "x86_64");
    const traced = typeof x86 === "string" || x86.toBase64() === this.#code.x86
      ? { steps: this.#steps }
      : await this.#traceOnce(x86);
    if ("wrong" in traced) return { outcome: "killed", reason: traced.wrong, shows: true };
    const arm = await build(changed, "aarch64");
    const longer = traced.steps.length > this.#steps.length ? traced.steps : this.#steps;
    const step = longer.findIndex((_, index) => this.#steps[index] !== traced.steps[index]),
      shows = step >= 0;
    if (typeof x86 === "string" && typeof arm === "string") {
      return { outcome: "invalid", reason: firstError(x86) };
    }
    // What compiles for one architecture only is a program for that one
    const same = [
      ...(typeof x86 !== "string" && x86.toBase64() !== this.#code.x86 ? ["x86-64"] as const : []),
      ...(typeof arm !== "string" && arm.toBase64() !== this.#code.arm ? ["aarch64"] as const : []),
    ];
    if (same.length === 0) {
      return { outcome: "equivalent", reason: "the same machine code on both architectures" };
    }
    const wrong = (same.includes("aarch64") ? await wrongOnArm(changed) : undefined) ??
      await failedTest(file, changed);
    if (wrong !== undefined) return { outcome: "killed", reason: wrong, shows };
    if (!shows) return { outcome: "survived", reason: "nothing noticed", same };
    const reason = `step ${step} is ${traced.steps[step]}, not ${this.#steps[step]}, and nothing noticed`;
    return { outcome: "survived", reason, shows };
  }

  /** Mutants that become the same program meet the same end. */
  #traceOnce(x86: Uint8Array): Promise<Traced> {
    const name = x86.toBase64(), found = this.#traced.get(name) ?? this.#trace(x86);
    this.#traced.set(name, found);
    return found;
  }

  /** Whether the program ends at a place that ends it, or on aarch64 shows any mutant of it. */
  isReached(site: ZigSite, architecture: Architecture): Promise<boolean> {
    const reached = this.#reached[architecture].get(site) ??
      (architecture === "x86-64" ? this.#isReachedOnX86(site) : this.#isReachedOnArm(site));
    this.#reached[architecture].set(site, reached);
    return reached;
  }

  async #isReachedOnX86({ file, trap }: ZigSite): Promise<boolean> {
    const x86 = await build(new Map(this.#sources).set(file, trap), "x86_64");
    return typeof x86 !== "string" && "wrong" in await this.#traceOnce(x86);
  }

  async #isReachedOnArm(site: ZigSite): Promise<boolean> {
    for (const source of [site.trap, ...site.mutants.map(({ source }) => source)]) {
      const wrong = await wrongOnArm(new Map(this.#sources).set(site.file, source));
      if (wrong !== undefined && !wrong.startsWith(notCompiled)) return true;
    }
    return false;
  }

  async #trace(library: Uint8Array): Promise<Traced> {
    const steps = new Map<string, readonly string[]>();
    for (const phase of this.#order) {
      const found = await this.#tracedIn(phase, library);
      if ("wrong" in found) {
        this.#order = [phase, ...this.#order.filter((other) => other !== phase)];
        return found;
      }
      steps.set(phase, found.steps);
    }
    return { steps: this.#phases.flatMap((phase) => steps.get(phase)!) };
  }

  async #tracedIn(phase: string, library: Uint8Array): Promise<Traced> {
    try {
      const made = await traceOf(library, phase, this.#checkout);
      const wrong = await wrongWith(made, [phase]);
      return wrong === undefined ? { steps: stepsOf(made) } : { wrong };
    } catch (error) {
      return { wrong: String(error) };
    }
  }
}

/** The test of the file's own that fails, in words. */
async function failedTest(file: string, sources: ReadonlyMap<string, string>): Promise<string | undefined> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-mutant-`);
  try {
    for (const [name, text] of sources) writeFileSync(`${folder}/${name}`, text);
    const filter = `${file.replace(".zig", "")}.test.`;
    // Without LLVM it is compiled three times as fast
    const command = ["test", file, "-fno-llvm", "--test-filter", filter];
    const { status, output } = await run(zig, command, {
      cwd: folder,
      timeout: 300_000,
    });
    return status === 0 ? undefined : /'[^']*\.test\.[^']*'/.exec(output)?.[0] ?? firstError(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
  phase: string,
  checkout: string,
): Promise<NativeTrace[]> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-mutant-`);
  try {
    writeFileSync(`${folder}/library.so`, library);
    return await traced("bun", `${folder}/library.so`, [phase], checkout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was done to the files, in words, without the addresses that differ from run to run. */
function stepsOf(traces: readonly NativeTrace[]): string[] {
  return traces.flatMap(({ events }) =>
    merged(events.filter(({ kind }) => kind !== "call" && kind !== "system" && kind !== "return"))
  );
}

function firstError(output: string): string {
  return /.*\berror\b.*/.exec(output)?.[0] ?? output.trim().split("\n").at(-1) ?? "";
}
