// Marks the operations of a run in its trace.
import { copy } from "./equal.ts";
import type { Memory } from "./memory.ts";
import type { Tester } from "./options.ts";
import { randomFrom } from "./random.ts";

/**
 * A tester that writes to the events of a memory.
 *
 * @param keep which operations to run, by number; the others are left out (shrinking)
 */
export function testerOf(memory: Memory, seed: number, keep?: ReadonlySet<number>): Tester {
  const outside = randomFrom(seed);
  let random = outside;
  let operations = 0;
  let running: string | undefined;
  return {
    random: () => random(),
    async op(name, arg, body) {
      const operation = operations++;
      if (keep && !keep.has(operation)) return undefined as never;
      if (running !== undefined) {
        throw new TypeError(`op: ${name} began while ${running} was running; await each operation`);
      }
      running = name;
      memory.note({ kind: "begin", operation, name, arg: copy(arg) });
      // Its own numbers, so that leaving out one operation leaves the others as they were.
      random = randomFrom(seed, operation + 1);
      let kind: "acknowledge" | "fail" = "fail";
      try {
        const made = body();
        const result = isThenable(made) ? await made : made;
        kind = "acknowledge";
        return result as never;
      } finally {
        random = outside;
        running = undefined;
        memory.note({ kind, operation });
      }
    },
  };
}

/** Whether a value must be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
