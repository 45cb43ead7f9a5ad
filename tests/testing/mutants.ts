// Weakens a structure without touching it: the region it is given forgets one flush or drain, known by the line that
// calls it.
import type { Region } from "../../src/testing/mod.ts";

/** What is done to the calls of one line. */
export interface Mutant {
  readonly site: string;
  readonly kind: string;
}

/** Kinds of mutants by the method that is called. */
export const kinds: Readonly<Record<string, readonly string[]>> = {
  flush: ["dropped", "narrowed"],
  drain: ["dropped"],
  persist: ["dropped", "narrowed", "not drained", "not flushed"],
  write: ["not drained", "through the cache, not flushed", "last line left out"],
  fill: ["dropped", "not drained"],
  store64: ["an ordinary store", "flushed, not drained"],
};

/** A region whose calls are known by their line; those of the mutant are changed. */
export function mutated(m: Region, mutant: Mutant | undefined, onCall?: (site: string) => void): Region {
  const intercept = (method: string, args: unknown[]) => {
    const site = `${method} at ${lineOf(new Error().stack!)}`;
    onCall?.(site);
    const call = (name: string, ...others: unknown[]) =>
      (m[name as "write"] as (...a: unknown[]) => void)(...others);
    if (site !== mutant?.site) return call(method, ...args);
    const [first, second] = args as [ArrayBufferView | number, number];
    const [start, length] = typeof first === "number"
      ? [first, second]
      : [first.byteOffset, first.byteLength];
    switch (mutant.kind) {
      case "dropped":
        return;
      case "narrowed":
        return length > 64 ? call(method, start, length - 64) : undefined;
      case "not drained":
        if (method === "write") return call("write", ...args, { drain: false });
        if (method === "fill") return call("fill", ...args, 0, { drain: false });
        return call("flush", ...args);
      case "not flushed":
        return call("drain");
      case "through the cache, not flushed":
      case "an ordinary store":
        return store(m, start, method === "write" ? args[1] as BigUint64Array : [BigInt(args[1] as number)]);
      case "flushed, not drained":
        store(m, start, [BigInt(args[1] as number)]);
        return call("flush", start, 8);
      case "last line left out":
        return call("write", start, (args[1] as BigUint64Array).subarray(0, -1));
    }
  };
  return new Proxy(m, {
    get(_, key) {
      const value = Reflect.get(m, key, m);
      if (typeof value !== "function") return value;
      if (!Object.hasOwn(kinds, key)) return value.bind(m);
      return (...args: unknown[]) => intercept(String(key), args);
    },
  });
}

function store(m: Region, byteOffset: number, words: ArrayLike<bigint>): void {
  const view = m.view(BigUint64Array, byteOffset, words.length);
  for (let i = 0; i < words.length; i++) view[i] = words[i]!;
}

function lineOf(stack: string): string {
  return /structures\.ts:\d+/.exec(stack)?.[0] ?? "elsewhere";
}
