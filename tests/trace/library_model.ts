/** What each native function does to the file, in a few lines: from the word that says how to write back, and nothing else. */

import { Mode } from "../../ffi/symbols.ts";
import { lineBytes, type NativeEvent, pageBytes } from "./events.ts";

/** From this size on a copy goes past the caches by itself. */
const streamBytesMin = 256;

const lineMethods = new Map<number, string>([
  [Mode.clwb, "clwb"],
  [Mode.clflushopt, "clflushopt"],
  [Mode.clflush, "clflush"],
]);

/** The functions that write back, by their names without the prefix. */
export const writeBack = ["persist", "flush", "drain", "store64", "copy", "fill"] as const;

/**
 * The events of one call on x86-64, in order; undefined for a function that does not touch the file's bytes.
 *
 * @param parameters as in ffi/symbols.ts; addresses are offsets in the file
 */
export function effects(name: string, parameters: readonly number[]): NativeEvent[] | undefined {
  const [start = 0, second = 0, third = 0, fourth = 0] = parameters;
  switch (name) {
    case "persist":
      return [...flush(start, second, third), ...wait(third)];
    case "flush":
      return flush(start, second, third);
    case "drain":
      return wait(start);
    case "store64": {
      const mode = fourth, lines = lineMethods.has(mode & Mode.methodMask);
      const word: NativeEvent = { kind: lines ? "stream" : "store", byteOffset: start, byteLength: 8 };
      return [word, ...(lines ? [] : flush(start, 8, mode)), ...wait(mode)];
    }
    case "copy":
      return write(start, third, fourth, start + third <= second || second + third <= start);
    case "fill":
      return write(start, second, fourth, true);
    default:
      return undefined;
  }
}

/** Copy and fill: whole lines past the caches where that is wanted, the rest through them. */
function write(start: number, length: number, mode: number, apart: boolean): NativeEvent[] {
  const method = mode & Mode.methodMask, end = start + length;
  const wanted = lineMethods.has(method)
    ? (mode & Mode.nontemporal) !== 0 || ((mode & Mode.temporal) === 0 && length >= streamBytesMin)
    : method === Mode.fence && (mode & Mode.nontemporal) !== 0;
  const first = Math.ceil(start / lineBytes) * lineBytes, last = Math.floor(end / lineBytes) * lineBytes;
  const fence = (mode & Mode.noDrain) === 0 ? wait(mode) : [];
  if (!apart || !wanted || first >= last) return [...through(start, end, mode), ...fence];
  return [
    ...through(start, first, mode),
    { kind: "stream", byteOffset: first, byteLength: last - first },
    ...through(last, end, mode),
    ...fence,
  ];
}

function through(start: number, end: number, mode: number): NativeEvent[] {
  if (start === end) return [];
  return [{ kind: "store", byteOffset: start, byteLength: end - start }, ...flush(start, end - start, mode)];
}

function flush(start: number, length: number, mode: number): NativeEvent[] {
  const method = mode & Mode.methodMask;
  if (method === Mode.fence) return [];
  const unit = method === Mode.msync ? pageBytes : lineBytes;
  const first = Math.floor(start / unit) * unit, end = Math.ceil((start + length) / unit) * unit;
  if (method === Mode.msync) {
    return [{ kind: "msync", method: "msync", byteOffset: first, byteLength: end - first }];
  }
  const name = lineMethods.get(method);
  if (name === undefined) throw new Error(`x86-64 has no method ${method}`);
  return Array.from(
    { length: (end - first) / lineBytes },
    (_, index) => ({
      kind: "flush",
      method: name,
      byteOffset: first + index * lineBytes,
      byteLength: lineBytes,
    }),
  );
}

function wait(mode: number): NativeEvent[] {
  return (mode & Mode.methodMask) === Mode.msync ? [] : [{ kind: "fence" }];
}
