/** Call by call: what the library did is what library_model.ts says of the numbers that it was given. */

import { Map as MapFlag, symbols } from "../../ffi/symbols.ts";
import type { CallEvent, NativeEvent, NativeTrace, StoreEvent } from "./events.ts";
import { effects } from "./library_model.ts";

/** The calls of a trace, each with what happened until it returned. */
export function* calls({ events }: NativeTrace): Iterable<{ call: CallEvent; inside: NativeEvent[] }> {
  let call: CallEvent | undefined, inside: NativeEvent[] = [];
  for (const event of events) {
    if (event.kind === "call") [call, inside] = [event, []];
    else if (event.kind !== "return") inside.push(event);
    else if (call !== undefined) yield { call, inside };
  }
}

/** mmap, fsync and fdatasync by their numbers; MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE | MAP_SYNC, MAP_FIXED. */
const mmap = 9, fsync = 74, fdatasync = 75, shared = 1, own = 2, synchronous = 0x80003, fixed = 0x10;

/** What is wrong with the system calls of a function that makes them on a file: mapping it, syncing it. */
function straySystemCall(
  { name, parameters }: CallEvent,
  inside: readonly NativeEvent[],
): string | undefined {
  const [file, second] = parameters;
  const made = inside.filter((event) => event.kind === "system");
  if (name === "sync") {
    const right = made.length === 1 && made[0]!.number === (second ? fdatasync : fsync) &&
      made[0]!.parameters[0] === file;
    return right ? undefined : "it must be one system call";
  }
  if (name !== "map") return undefined;
  const flags = parameters[3]!;
  const wanted = flags & MapFlag.private ? own : flags & MapFlag.sync ? synchronous : shared;
  const wrong = made.find(({ number, parameters }) =>
    number === mmap && parameters[4] === file && (parameters[3]! & ~fixed) !== wanted
  );
  return wrong === undefined ? undefined : `its flags must be ${wanted}: ${describe(wrong)}`;
}

/** The first call that did something else, in words; undefined if there is none. */
export function strayCall(trace: NativeTrace): string | undefined {
  for (const { call, inside } of calls(trace)) {
    const types = Object.values(symbols[`daxfile1_${call.name}` as keyof typeof symbols].parameters);
    const expected = effects(
      call.name,
      call.parameters.map((value, index) =>
        types[index] === "f64" && value > 2 ** 20 ? value - trace.address : value
      ),
      call,
    );
    if (expected === undefined) {
      const stray = straySystemCall(call, inside);
      if (stray !== undefined) return `${describe(call)}: ${stray}`;
      continue;
    }
    const wanted = merged(expected), done = merged(inside);
    const at = wanted.findIndex((event, index) => event !== done[index]);
    if (at < 0 && wanted.length === done.length) continue;
    const index = at < 0 ? wanted.length : at;
    return `${call.name}(${call.parameters.join(", ")}): step ${index} is ${done[index] ?? "nothing"}, ` +
      `and must be ${wanted[index] ?? "nothing"}`;
  }
  return undefined;
}

/** Events in words, stores that follow each other being one set of bytes: in which pieces they are written is the library's. */
export function merged(events: readonly NativeEvent[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < events.length; i++) {
    const event = events[i]!;
    if (event.kind !== "store" && event.kind !== "stream") {
      out.push(describe(event));
      continue;
    }
    const together: StoreEvent[] = [event];
    for (let next = events[i + 1]; next?.kind === event.kind; next = events[++i + 1]) together.push(next);
    out.push(...union(together).map((range) => describe({ kind: event.kind, ...range })));
  }
  return out;
}

/** What was done to the files, in words, without the addresses that differ from run to run. */
export function stepsOf({ events }: NativeTrace): string[] {
  return merged(events.filter(({ kind }) => kind !== "call" && kind !== "system" && kind !== "return"));
}

function union(ranges: readonly StoreEvent[]): { byteOffset: number; byteLength: number }[] {
  const out: { byteOffset: number; byteLength: number }[] = [];
  for (const { byteOffset, byteLength } of ranges.toSorted((a, b) => a.byteOffset - b.byteOffset)) {
    const last = out.at(-1);
    if (last === undefined || last.byteOffset + last.byteLength < byteOffset) {
      out.push({ byteOffset, byteLength });
    } else {
      last.byteLength = Math.max(last.byteLength, byteOffset + byteLength - last.byteOffset);
    }
  }
  return out;
}

/** One event in a few words. */
export function describe(event: NativeEvent): string {
  switch (event.kind) {
    case "call":
      return `${event.name}(${event.parameters.join(", ")})`;
    case "store":
    case "stream":
    case "changed":
    case "unexplained":
      return `${event.kind} ${event.byteOffset}+${event.byteLength}`;
    case "flush":
    case "msync":
      return `${event.method} ${event.byteOffset}+${event.byteLength}`;
    case "system":
      return `system call ${event.number}(${event.parameters.join(", ")}) = ${event.result}`;
    default:
      return event.kind;
  }
}
