/** What the native library did, event by event: as the tracer writes it down, and as library_model.ts says that it must be. */

import { type Signature, symbols } from "../../ffi/symbols.ts";

/** A native function was called, with the numbers of ffi/symbols.ts. */
export interface CallEvent {
  readonly kind: "call";
  readonly name: string;
  readonly parameters: readonly number[];
  /** Of a commit: where the writes of the batch go, and those of the batch before. */
  readonly batch?: Range[];
  readonly previous?: Range[];
}

/** Bytes of the file. */
export interface Range {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * Bytes of the file were written: by an ordinary store, past the caches (`stream`), or by the program between two calls, which
 * shows only as a difference (`changed`). `unexplained` is a difference inside a call: a store that the tracer does not know.
 */
export interface StoreEvent {
  readonly kind: "store" | "stream" | "changed" | "unexplained";
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A line was flushed. */
export interface FlushEvent {
  readonly kind: "flush";
  readonly method: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Whole pages were written back by the system, which is flush and fence at once. */
export interface SyncEvent {
  readonly kind: "msync";
  readonly method: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Any other system call, by its number. */
export interface SystemEvent {
  readonly kind: "system";
  readonly number: number;
  readonly parameters: readonly number[];
  readonly result: number;
}

/** One thing that happened. Offsets are of the file, in bytes; addresses in parameters are absolute. */
export type NativeEvent =
  | CallEvent
  | StoreEvent
  | FlushEvent
  | SyncEvent
  | SystemEvent
  | { readonly kind: "fence" }
  | { readonly kind: "return"; readonly result: number };

/** What was done to one mapping of a file, from its making to its end. */
export interface NativeTrace {
  /** The address that the file was mapped at. */
  readonly address: number;
  readonly byteLength: number;
  readonly events: NativeEvent[];
}

/** Cache line and page, in bytes, of the processor that is traced (x86-64). */
export const lineBytes = 64, pageBytes = 4096;

const msyncNumber = 26, msyncWaits = 4 /* MS_SYNC */;

/** Reads what the tracer wrote: one trace for each mapping, each beginning with the calls that led to it. */
export function parse(text: string): NativeTrace[] {
  const traces: NativeTrace[] = [];
  let address = 0, byteLength = 0;
  let events: NativeEvent[] = [];
  const end = () => {
    if (byteLength > 0) traces.push({ address, byteLength, events });
    byteLength = 0;
    events = [];
  };
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [word, ...rest] = line.split(" ");
    const numbers = rest.map(Number);
    const at = (index: number) => numbers[index]!;
    switch (word) {
      case "region":
        // open maps where the kernel likes, then at an aligned address: the last one is the file's
        [address, byteLength] = [at(0), at(1)];
        break;
      case "call":
        events.push(callOf(rest));
        if (rest[0] === "daxfile1_unmap" && (events.at(-1) as CallEvent).parameters[0] === address) end();
        break;
      case "entry": {
        const call = events.at(-1) as CallEvent;
        call[rest[0] as "batch" | "previous"]!.push({ byteOffset: at(1), byteLength: at(2) });
        break;
      }
      case "return":
        events.push({ kind: "return", result: at(0) });
        break;
      case "store":
      case "stream":
      case "changed":
      case "unexplained":
        events.push({ kind: word, byteOffset: at(0) - address, byteLength: at(1) });
        break;
      case "flush":
        events.push({ kind: "flush", method: rest[0]!, byteOffset: at(1) - address, byteLength: lineBytes });
        break;
      case "fence":
        events.push({ kind: "fence" });
        break;
      case "syscall":
        events.push(systemOf(numbers, address));
        break;
      default:
        throw new Error(`The tracer wrote "${line}"`);
    }
  }
  end();
  return traces;
}

const word = new DataView(new ArrayBuffer(8));

/** A call's parameters: those of type f64 come in vector registers, the others in general ones. */
function callOf([name, ...registers]: readonly string[]): CallEvent {
  const signature = (symbols as Record<string, Signature>)[name!];
  const vectors = registers.slice(0, 7), general = registers.slice(7);
  const parameters = Object.values(signature?.parameters ?? {}).map((type) => {
    word.setBigUint64(0, BigInt((type === "f64" ? vectors : general).shift() ?? 0));
    return type === "f64" ? word.getFloat64(0) : type === "i32" ? word.getInt32(4) : word.getUint32(4);
  });
  const call: CallEvent = { kind: "call", name: name!.replace("daxfile1_", ""), parameters };
  return call.name === "commit" ? { ...call, batch: [], previous: [] } : call;
}

function systemOf(numbers: readonly number[], address: number): NativeEvent {
  const [number = -1, first = 0, second = 0, third = 0] = numbers;
  const result = numbers.at(-1)!;
  if (number === msyncNumber && third === msyncWaits && result === 0) {
    return { kind: "msync", method: "msync", byteOffset: first - address, byteLength: second };
  }
  return { kind: "system", number, parameters: numbers.slice(1, 6), result };
}
