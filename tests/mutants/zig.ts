/**
 * The mutants of zig/: each is compiled as the shipped library is, and writes down every store, flush and fence while the real
 * TypeScript runs the workload on it; then run as a program for aarch64, where that is another one; then by the tests of its own file.
 */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { wrongWith } from "../trace/check.ts";
import { run, zig } from "../trace/command.ts";
import { stepsOf } from "../trace/calls.ts";
import { withJournal } from "../trace/instrument.ts";
import { assembled, assembly, build, sources } from "../trace/library.ts";
import { phases as phasesOf } from "../trace/phases.ts";
import { journaled } from "../trace/tracer.ts";
import { root } from "../helpers/child.ts";
import { notCompiled, wrongOnArm } from "./arm.ts";
import type { Verdict } from "./verdict.ts";
import { type ZigSite, zigSites } from "./zig_sites.ts";

type Judgement = Pick<Verdict, "outcome" | "reason">;

type Architecture = "x86-64" | "aarch64";

/** What was found out of a mutant; `same` are the architectures on which its code is another one and does the same. */
type Finding = Judgement & { readonly same?: readonly Architecture[]; readonly shows?: boolean };

/** At a time: each is a compiler or a program. */
const width = Math.min(2, navigator.hardwareConcurrency);

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

/** The original, with which mutants are compared. */
export class Bench {
  readonly #sources: ReadonlyMap<string, string>;
  readonly #assembly: string;
  readonly #code: Readonly<Record<Architecture, string>>;
  readonly #steps: readonly string[];
  readonly #checkout: string;
  readonly #phases: readonly string[];
  /** The phase that killed the latest mutant: what noticed one often notices the next. At first one of the short ones. */
  #killer: string;
  readonly #traced = new Map<string, Promise<Traced>>();
  readonly #reached = {
    "x86-64": new Map<ZigSite, Promise<boolean>>(),
    "aarch64": new Map<ZigSite, Promise<boolean>>(),
  };

  private constructor(
    sources: ReadonlyMap<string, string>,
    assembly: string,
    code: Readonly<Record<Architecture, string>>,
    steps: readonly string[],
    checkout: string,
    phases: readonly string[],
  ) {
    this.#sources = sources;
    this.#assembly = assembly;
    this.#code = code;
    this.#steps = steps;
    this.#checkout = checkout;
    this.#phases = phases;
    this.#killer = phases.find((name) => name.startsWith("cl")) ?? phases[0]!;
  }

  /** Looks at the original; mutants then go through the same phases. */
  static async set(from: ReadonlyMap<string, string>, wanted: readonly string[] = []): Promise<Bench> {
    const phases = phasesOf(wanted).map(({ name }) => name);
    const sources = new Map(from).set("mutant.zig", readFileSync(`${root}tests/mutants/mutant.zig`, "utf8"));
    const text = await assembly(sources), arm = await build(sources, "aarch64");
    if (text === undefined || typeof arm === "string") throw new Error(`They do not compile: ${arm}`);
    const code = { "x86-64": (await assembled(text)).toBase64(), "aarch64": arm.toBase64() };
    const checkout = snapshot();
    const [found, wrong] = await Promise.all([traceOf(text, phases, checkout), wrongOnArm(sources)]);
    if (wrong !== undefined || "wrong" in found) {
      throw new Error(`Without a mutant: ${wrong ?? ("wrong" in found && found.wrong)}`);
    }
    return new Bench(sources, text, code, found.steps, checkout, phases);
  }

  async find({ file }: ZigSite, source: string): Promise<Finding> {
    const changed = new Map(this.#sources).set(file, source), text = await assembly(changed);
    const traced = text === undefined ? { steps: this.#steps } : await this.#traceOnce(text);
    if ("wrong" in traced) return { outcome: "killed", reason: traced.wrong, shows: true };
    const longer = traced.steps.length > this.#steps.length ? traced.steps : this.#steps;
    const step = longer.findIndex((_, index) => this.#steps[index] !== traced.steps[index]),
      shows = step >= 0;
    const arm = await build(changed, "aarch64");
    // What compiles for one architecture only is a program for that one
    const x86 = text === undefined || text === this.#assembly ? undefined : await assembled(text);
    const differs = (made: Uint8Array<ArrayBuffer> | undefined, architecture: Architecture) =>
      made !== undefined && made.toBase64() !== this.#code[architecture] ? [architecture] : [];
    const same = [
      ...differs(x86, "x86-64"),
      ...differs(typeof arm === "string" ? undefined : arm, "aarch64"),
    ];
    if (same.length === 0 && typeof arm === "string") return { outcome: "invalid", reason: firstError(arm) };
    if (same.length === 0 && text === undefined) {
      const refused = await build(changed, "x86_64");
      return { outcome: "invalid", reason: firstError(String(refused)) };
    }
    if (same.length === 0) {
      return { outcome: "equivalent", reason: "the same machine code on both architectures" };
    }
    const wrong = (same.includes("aarch64") ? await wrongOnArm(changed) : undefined) ??
      await this.#failedTest(file, changed);
    if (wrong !== undefined) return { outcome: "killed", reason: wrong, shows };
    if (!shows) return { outcome: "survived", reason: "nothing noticed", same };
    const reason = `step ${step} is ${traced.steps[step]}, not ${this.#steps[step]}, and nothing noticed`;
    return { outcome: "survived", reason, shows };
  }

  async #failedTest(file: string, changed: ReadonlyMap<string, string>): Promise<string | undefined> {
    const backend = backends.get(file) ?? backendOf(file, this.#sources);
    backends.set(file, backend);
    return await failedTest(file, changed, await backend);
  }

  /** Mutants that become the same program meet the same end. */
  #traceOnce(assembly: string): Promise<Traced> {
    if (assembly === this.#assembly) return Promise.resolve({ steps: this.#steps });
    const found = this.#traced.get(assembly) ?? this.#trace(assembly);
    this.#traced.set(assembly, found);
    return found;
  }

  /** Whether the program ends at a place that ends it, or on aarch64 shows any mutant of it. */
  isReached(site: ZigSite, architecture: Architecture): Promise<boolean> {
    const reached = this.#reached[architecture].get(site) ??
      (architecture === "x86-64" ? this.#isReachedOnX86(site) : this.#isReachedOnArm(site));
    this.#reached[architecture].set(site, reached);
    return reached;
  }

  async #isReachedOnX86({ file, traps }: ZigSite): Promise<boolean> {
    for (const trap of traps) {
      const text = await assembly(new Map(this.#sources).set(file, trap));
      if (text !== undefined) return "wrong" in await this.#traceOnce(text);
    }
    return false;
  }

  async #isReachedOnArm(site: ZigSite): Promise<boolean> {
    for (const source of [...site.traps, ...site.mutants.map(({ source }) => source)]) {
      const wrong = await wrongOnArm(new Map(this.#sources).set(site.file, source));
      if (wrong !== undefined && !wrong.startsWith(notCompiled)) return true;
    }
    return false;
  }

  /** First through one phase, as most mutants die in any; those that do not, through all. */
  async #trace(assembly: string): Promise<Traced> {
    const first = await traceOf(assembly, [this.#killer], this.#checkout);
    if ("wrong" in first) return first;
    const all = await traceOf(assembly, this.#phases, this.#checkout);
    const killer = this.#phases.find((phase) => "wrong" in all && all.wrong.startsWith(`${phase}: `));
    if (killer !== undefined) this.#killer = killer;
    return all;
  }
}

/** What a library does in some phases, of which nothing is wrong, or what is. */
async function traceOf(assembly: string, phases: readonly string[], checkout: string): Promise<Traced> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-mutant-`);
  try {
    writeFileSync(`${folder}/library.so`, await withJournal(assembly));
    const made = await journaled("bun", `${folder}/library.so`, phases, checkout)
      .catch((error) => String(error));
    if (typeof made === "string") return { wrong: made };
    const wrong = await wrongWith(made, phases);
    return wrong === undefined ? { steps: made.flatMap(stepsOf) } : { wrong };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How to compile the tests of each file: without LLVM three times as fast, and some assembly is only known with it. */
const backends = new Map<string, Promise<string>>();

async function backendOf(file: string, original: ReadonlyMap<string, string>): Promise<string> {
  for (const backend of ["-fno-llvm", "-fllvm"]) {
    if (await failedTest(file, original, backend) === undefined) return backend;
  }
  throw new Error(`Without a mutant: the tests of zig/${file} fail`);
}

/** The test of the file's own that fails, in words; undefined if it has none, or all pass. */
async function failedTest(
  file: string,
  sources: ReadonlyMap<string, string>,
  backend: string,
): Promise<string | undefined> {
  const folder = mkdtempSync(`${tmpdir()}/daxfile-mutant-`);
  try {
    for (const [name, text] of sources) writeFileSync(`${folder}/${name}`, text);
    const filter = `${file.replace(".zig", "")}.test.`;
    const command = ["test", file, backend, "--cache-dir", ".zig-cache", "--test-filter", filter];
    const { status, output } = await run(zig, command, { cwd: folder, timeout: 300_000 });
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

function firstError(output: string): string {
  return /.*\berror\b.*/.exec(output)?.[0] ?? output.trim().split("\n").at(-1) ?? "";
}
