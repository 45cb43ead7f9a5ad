// A small log as the crash tests take it: what its operations mean, and what is observed of it.
import type { Frames } from "../../src/log/frames.ts";
import { openLog, type PersistentLog } from "../../src/log/mod.ts";
import { readHeader } from "../../src/log/header.ts";
import { recordsOf } from "../../src/log/records.ts";
import { readState, type State, storeState } from "../../src/log/state.ts";
import { frameBytes } from "../../src/log/layout.ts";
import {
  type CrashOptions,
  type Model,
  type Operation,
  record,
  type Region,
  type Tester,
} from "../../src/testing/mod.ts";

/** What a log holds: the number that the next record will have, and the records as lists of bytes. */
export interface Contents {
  next: number;
  records: number[][];
}

/** The length of a log whose records take so few bytes that a checkpoint is taken every 64. */
export const sizeBytes: number = 4096 + 512;

/** The identity of these logs: a random one would make every run another. */
export const identity = 0x12_3456_789a_bcde;

/** A log that is open, and the region that it is opened in again. */
export interface Opened {
  readonly region: Region;
  log: PersistentLog;
}

/** Bytes that differ from their neighbours and from those of another seed. */
export function bytesOf(length: number, seed: number): number[] {
  return Array.from({ length }, (_, index) => (seed * 37 + index * 11 + 1) & 255);
}

/** Empty, small; a batch whose first record is empty; and one that has what the further append has. */
export const small = {
  append: [[], bytesOf(3, 1)],
  appendAll: [[[], bytesOf(8, 2)]],
  clear: [undefined],
  reopen: [undefined],
  abandon: [undefined],
};

/** What is done after recovery. */
export const further: readonly Operation[] = [{ name: "append", arg: bytesOf(3, 1) }];

/** Makes an empty log. */
export function create(region: Region): void {
  openLog(region, { create: true, identity }).close();
}

/** Changes the state of a log that is empty, as if it had come so far. */
export function startAt(region: Region, change: Partial<State>): void {
  create(region);
  const frames: Frames = readHeader(region, true), state = readState(frames);
  for (const number of [state.number + 1, state.number + 2]) {
    storeState(frames, { ...state, ...change, number });
  }
  region.persist(0, 4096);
}

/** A region without power cuts, to look at. */
export async function withRegion(body: (m: Region) => void, size = sizeBytes): Promise<void> {
  await record({ size, workload: body });
}

/** Where the record with a number begins, of records of these lengths. */
export function placeOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + frameBytes(length), 4096);
}

/** Loses a record, as a crash does that tears a batch: what follows it stays. */
export function lose(m: Region, byteOffset: number): void {
  m.fill(byteOffset, 16);
}

/** Does an operation: "reopen" as a program that ends well, "abandon" as one that does not. */
export function does(opened: Opened, { name, arg }: Operation): void {
  if (name === "append") opened.log.append(new Uint8Array(arg as number[]));
  else if (name === "appendAll") {
    opened.log.appendAll((arg as number[][]).map((bytes) => new Uint8Array(bytes)));
  } else if (name === "clear") opened.log.clear();
  else {
    if (name === "reopen") opened.log.close();
    opened.log = openLog(opened.region);
  }
}

/** What a log holds; also that its parts agree, and that nothing begins where no evidence would be looked for. */
export function contents(log: PersistentLog): Contents {
  const records = [...log], { length } = log;
  const next = log.file.readOnly ? (records.at(-1)?.sequence ?? -1) + 1 : log.appendAll([]);
  if (
    records.some(({ sequence }, index) => sequence !== next - length + index) || records.length !== length
  ) {
    throw new Error(`length ${length}, next ${next}, and records ${records.map(({ sequence }) => sequence)}`);
  }
  const frames = readHeader(log.file, false), { base, limit } = readState(frames);
  const beyond = [...recordsOf(frames, base, next)].find(({ isFirst, byteOffset }) =>
    isFirst && byteOffset > limit
  );
  if (beyond) throw new Error(`a record was appended at ${beyond.byteOffset}, past the limit ${limit}`);
  return { next, records: records.map(({ bytes }) => [...bytes]) };
}

/** What the operations mean, from an empty log on. */
export function referenceFrom(next: number): CrashOptions<Opened, Contents>["reference"] {
  return {
    init: () => ({ next, records: [] }),
    apply: (state, operation) => after(state, operation, Infinity),
    *partial(state, operation) {
      if (operation.name !== "appendAll") return;
      const { length } = operation.arg as unknown[];
      for (let count = 1; count < length; count++) yield after(state, operation, count);
    },
  };
}

/** The state after an operation, of whose records only so many are there. */
function after({ next, records }: Contents, { name, arg }: Operation, count: number): Contents {
  if (name === "clear") return { next, records: [] };
  const more = name === "append" ? [arg as number[]] : name === "appendAll" ? arg as number[][] : [];
  const there = more.slice(0, count);
  return { next: next + there.length, records: [...records, ...there] };
}

/** What is different in a crash test. */
export interface Variation {
  readonly first?: number;
  readonly size?: number;
  readonly setup?: (m: Region) => void;
}

/** The crash test of a sequence of operations on a log, and of some more after recovery. */
export function testOf(
  sequence: readonly Operation[],
  model: Model,
  further: readonly Operation[],
  { first = 0, size = sizeBytes, setup = create }: Variation = {},
): CrashOptions<Opened, Contents> {
  const opened = (region: Region) => ({ region, log: openLog(region) });
  return {
    size,
    model,
    setup,
    workload: async (m, t) => {
      const log = opened(m);
      for (const operation of sequence) await t.op(operation.name, operation.arg, () => does(log, operation));
    },
    recover: opened,
    observe: ({ log }) => contents(log),
    reference: referenceFrom(first),
    further: async (log: Opened, t: Tester) => {
      for (const operation of further) await t.op(operation.name, operation.arg, () => does(log, operation));
    },
  };
}
