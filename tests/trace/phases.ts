/** The ways of writing back that are traced one after the other, each on a file of its own. */

import { library } from "../../ffi/library.ts";
import { Mode } from "../../ffi/symbols.ts";
import type { Model } from "../../src/testing/mod.ts";
import type { Granularity } from "./refine.ts";
import type { Extent } from "./workload.ts";

/** One way. */
export interface Phase extends Extent {
  readonly name: string;
  readonly granularity: Granularity;
  /** The engine's model of it. */
  readonly model: Model;
  /** What daxfile1_cpu is made to answer, from what it does answer. */
  readonly cpu: (real: number) => number;
  /** The method that the processor must have, or a better one; undefined for one that every processor has. */
  readonly method?: number;
}

const line = { granularity: "cache-line", model: "px86", thorough: false, sync: true } as const;
const real = (cpu: number) => cpu;

function by(name: string, method: number, without = 0): Phase {
  return { name, ...line, method, cpu: (real) => (real & ~(Mode.methodMask | without)) | method };
}

/** Of the processor's best method everything, of the others a few of each. */
const all: readonly Phase[] = [
  { name: "cache-line", ...line, thorough: true, cpu: real },
  by("clwb, avx", Mode.clwb, Mode.avx512),
  by("clwb, sse2", Mode.clwb, Mode.avx | Mode.avx512 | Mode.crc32c),
  by("clflushopt", Mode.clflushopt),
  by("clflush", Mode.clflush),
  { name: "byte", granularity: "byte", model: "eadr", thorough: false, sync: true, cpu: real },
  { name: "page", granularity: "page", model: "sector", thorough: false, sync: false, cpu: real },
];

/** Those of them, by their names, that this processor can run; all by default. */
export function phases(names: readonly string[] = []): readonly Phase[] {
  // The methods are numbered from the best one on, and a processor that has one has those after it
  const best = library().native.daxfile1_cpu() & Mode.methodMask;
  return all.filter(({ name, method = Infinity }) =>
    best <= method && (names.length === 0 || names.includes(name))
  );
}
