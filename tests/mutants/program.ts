/** The copy of src/ in which one site at a time is weakened: all sites are in it at once, and a number says which. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import type { clearStatic, open } from "../../mod.ts";
import { root } from "../helpers/child.ts";
import type { Kernel } from "./machine/kernel.ts";
import { stub } from "./machine/library.ts";
import type { Operator } from "./operators.ts";
import { instrumented, type Site } from "./sites.ts";

declare global {
  /** What stands at a site now. */
  var daxfileMutant: (id: number, original: unknown) => unknown;
}

/** A site with its number in the copy. */
export type NumberedSite = Site & { readonly id: number };

/** The copy, loaded. */
export class Program implements Disposable {
  readonly open: typeof open;
  readonly clearStatic: typeof clearStatic;
  readonly sites: readonly NumberedSite[];
  /** The sites that were passed since {@linkcode Program.become}. */
  readonly reached = new Set<number>();
  /** Whether the mutant made a difference to any call or value since then. */
  differs = false;
  /** The machine that runs now. */
  kernel: Kernel | undefined;
  #active: { id: number; operator: Operator } | undefined;
  readonly #folder: string;

  private constructor(
    folder: string,
    sites: readonly NumberedSite[],
    module: Pick<Program, "open" | "clearStatic">,
  ) {
    this.#folder = folder;
    this.sites = sites;
    this.open = module.open;
    this.clearStatic = module.clearStatic;
    globalThis.daxfileMutant = (id, original) => this.#at(id, original);
  }

  /** Copies src/ with the sites in it, and loads it. */
  static async load(files: ReadonlyMap<string, string>, sites: readonly Site[]): Promise<Program> {
    const folder = mkdtempSync(`${tmpdir()}/daxfile-mutants-`);
    const numbered = sites.map((site, id) => ({ ...site, id }));
    for (const part of ["src", "ffi"]) cpSync(`${root}${part}`, `${folder}/${part}`, { recursive: true });
    for (const [file, source] of files) {
      mkdirSync(dirname(`${folder}/${file}`), { recursive: true });
      writeFileSync(`${folder}/${file}`, instrumented(source, numbered.filter((site) => site.file === file)));
    }
    writeFileSync(`${folder}/ffi/library.ts`, stub);
    globalThis.daxfileMutant = (_, original) => original;
    return new Program(folder, numbered, {
      ...await import(`${folder}/src/open.ts`),
      ...await import(`${folder}/src/static.ts`),
    });
  }

  /** Puts one mutant in place, or none. */
  become(mutant: { id: number; operator: Operator } | undefined): void {
    this.#active = mutant;
    this.reached.clear();
    this.differs = false;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #at(id: number, original: unknown): unknown {
    this.reached.add(id);
    if (this.#active?.id !== id) return original;
    return this.#active.operator.weaken(original, {
      differs: () => this.differs = true,
      hoisted: (body) => {
        const memory = this.kernel!.memory;
        memory.hoists = true;
        try {
          return body();
        } finally {
          memory.hoists = false;
        }
      },
      native: (name) => globalThis.daxfileLibrary.native[`daxfile1_${name}` as "daxfile1_cpu"],
    });
  }
}
