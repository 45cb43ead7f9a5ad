/** What each native function does to the file, in a few lines: from the word that says how to write back, and nothing else. */

import { Mode } from "../../ffi/symbols.ts";
import { type CallEvent, lineBytes, type NativeEvent, pageBytes, type Range } from "./events.ts";

/** From this size on a copy goes past the caches by itself. */
const streamBytesMin = 64;

const lineMethods = new Map<number, string>([
  [Mode.clwb, "clwb"],
  [Mode.clflushopt, "clflushopt"],
  [Mode.clflush, "clflush"],
]);

/** The functions that write back, by their names without the prefix. */
export const writeBack = ["persist", "flush", "drain", "store64", "copy", "fill", "record"] as const;

/**
 * The events of one call on x86-64, in order; undefined for a function that does not touch the file's bytes.
 *
 * @param parameters as in ffi/symbols.ts; addresses are offsets in the file
 * @param lists of a commit, where its writes go and those before
 */
export function effects(
  name: string,
  parameters: readonly number[],
  { batch = [], previous = [] }: Pick<CallEvent, "batch" | "previous"> = {},
): NativeEvent[] | undefined {
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
    case "record":
      return record(start, third, parameters[6]!);
    case "commit":
      return commit(third, parameters[4]!, batch, previous, parameters[10]!);
    case "checksum":
    case "record_length":
      return [];
    default:
      return undefined;
  }
}

/** The lines of the batch before and the record, one fence, then the stores in place; one msync from the first to the last. */
function commit(
  start: number,
  batchBytes: number,
  batch: readonly Range[],
  previous: readonly Range[],
  mode: number,
): NativeEvent[] {
  const stores = batch.map((range): NativeEvent => ({ kind: "store", ...range }));
  if ((mode & Mode.methodMask) !== Mode.msync) {
    return [...flushes(previous, mode), ...record(start, batchBytes, mode), ...stores];
  }
  const frame: Range = { byteOffset: start, byteLength: 16 + batchBytes }, ranges = [frame, ...previous];
  const first = Math.min(...ranges.map(({ byteOffset }) => byteOffset));
  const last = Math.max(...ranges.map(({ byteOffset, byteLength }) => byteOffset + byteLength));
  return [{ kind: "store", ...frame }, ...flush(first, last - first, mode), ...stores];
}

/** Of ranges that follow each other in the same lines, each line once. */
function flushes(ranges: readonly Range[], mode: number): NativeEvent[] {
  const out: NativeEvent[] = [];
  let first = 0, end = 0;
  for (const { byteOffset, byteLength } of ranges) {
    const next = byteOffset >= first && byteOffset < end ? end : byteOffset;
    if (next >= byteOffset + byteLength) continue;
    const lines = flush(next, byteOffset + byteLength - next, mode);
    out.push(...lines);
    first = Math.floor(next / lineBytes) * lineBytes;
    end = Math.ceil((byteOffset + byteLength) / lineBytes) * lineBytes;
  }
  return out;
}

/** Copy and fill: whole lines past the caches where that is wanted, the rest through them. */
function write(start: number, length: number, mode: number, apart: boolean): NativeEvent[] {
  const end = start + length, wanted = wantsStream(mode, length >= streamBytesMin);
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

/** A record of a payload: words past the caches where that is wanted, whatever the size. */
function record(start: number, payloadBytes: number, mode: number): NativeEvent[] {
  const byteLength = 16 + Math.ceil(payloadBytes / 8) * 8,
    fence = (mode & Mode.noDrain) === 0 ? wait(mode) : [];
  if (!wantsStream(mode, true)) return [...through(start, start + byteLength, mode), ...fence];
  return [{ kind: "stream", byteOffset: start, byteLength }, ...fence];
}

function wantsStream(mode: number, isLarge: boolean): boolean {
  const method = mode & Mode.methodMask, isAsked = (mode & Mode.nontemporal) !== 0;
  if (!lineMethods.has(method)) return method === Mode.fence && isAsked;
  return isAsked || ((mode & Mode.temporal) === 0 && isLarge);
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
