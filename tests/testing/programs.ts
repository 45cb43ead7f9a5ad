// Random small programs, and random readers as their recovery: for comparing ways of exploring, not for finding bugs.
import type { Model, Region, Tester } from "../../src/testing/mod.ts";

const words = [0, 8, 56, 64, 512, 520];
export const SIZE = 1024;

/** One thing a program does; the syncs are those that it has begun and not awaited. */
type Step = (m: Region, syncs: Promise<void>[]) => unknown;

/** A program of a few operations, and what reads it back after a crash. */
export interface SmallProgram {
  readonly model: Model;
  readonly operations: readonly (readonly Step[])[];
  recover(m: Region): number[];
}

/** The program of a seed: the same each time. */
export function programOf(random: () => number): SmallProgram {
  const below = (n: number) => Math.floor(random() * n);
  const model = (["px86", "px86", "word", "sector", "eadr"] as const)[below(5)]!;
  const operations = Array.from(
    { length: 1 + below(2) },
    () => Array.from({ length: 1 + below(4) }, () => stepOf(below)),
  );
  // A decision tree over a few words, and sometimes a repair before the last is read. What is repaired is not what
  // decides, most of the time: then recovering twice gives the same, and crashes within recovery are tried.
  const [a, b, c, d, e, f] = Array.from({ length: 6 }, () => words[below(6)]!) as [
    number,
    number,
    number,
    ...number[],
  ];
  const repairs = below(2) === 0, persists = below(3), shows = below(2);
  const recover = (m: Region) => {
    const view = m.view(DataView);
    const first = view.getUint32(a, true);
    const second = first % 2 === 0 ? view.getUint8(b) : view.getUint32(c + 4, true);
    if (repairs && second !== 0) {
      view.setUint32(d!, 5, true);
      if (persists > 0) m.flush(d, 4);
      if (persists > 1) m.drain();
      view.setUint8(f!, 7);
      if (persists > 0) m.persist(f, 1);
    }
    return [first * shows, second === 0 ? 0 : 1, view.getUint32(d!, true), view.getUint32(e!, true)];
  };
  return { model, operations, recover };
}

function stepOf(below: (n: number) => number): Step {
  const offset = words[below(words.length)]!, value = 1 + below(3);
  const bytes = new Uint8Array(8 + 8 * below(2)).fill(value);
  const steps: [number, Step][] = [
    [4, (m) => m.view(DataView).setUint32(offset, value, true)],
    [3, (m) => m.view(BigUint64Array)[offset / 8] = BigInt(value) * 0x1_0000_0001n],
    [2, (m) => m.view(DataView).setUint8(offset + 1, value)],
    [1, (m) => m.view(DataView).setFloat64(offset + 4, value)],
    [1, (m) => m.view(Uint8Array).set(bytes, offset)],
    [1, (m) => m.write(offset, bytes, { drain: false })],
    [1, (m) => m.write(offset, bytes, { nontemporal: false, drain: false })],
    [1, (m) => m.store64(offset, value)],
    [4, (m) => m.flush(offset, 8)],
    [3, (m) => m.drain()],
    [3, (m) => m.persist(offset, 8)],
    [2, (m, syncs) => syncs.push(m.sync())],
    [2, (m, syncs) => syncs.shift() ?? m.sync()],
  ];
  let at = below(steps.reduce((sum, [weight]) => sum + weight, 0));
  return steps.find(([weight]) => (at -= weight) < 0)![1];
}

/** Runs the operations of a program. */
export async function run({ operations }: SmallProgram, m: Region, t: Tester): Promise<void> {
  const syncs: Promise<void>[] = [];
  for (const [i, steps] of operations.entries()) {
    await t.op("step", i, async () => {
      for (const step of steps) await step(m, syncs);
    });
  }
}
