// A small pool and its operations, with what they mean on plain bytes: for the crash tests of transactions.

import type { CrashOptions, Operation, Region } from "../../src/testing/mod.ts";
import { openPool } from "../../src/transaction/mod.ts";

/** What the tests open; made so that few crash images are possible. */
export type Pool = ReturnType<typeof openPool>;

/** One write: where, and a number of 64 or 32 bits. */
export type Write = readonly [byteOffset: number, value: number, bits?: 32];

/** Bytes of the data area that are looked at. */
export const lookedAt = 264;

/** Bytes of the region: slots in which one or two small records fit, and an overflow area that takes the rest of the page. */
export const size = 8192, sizes = { slotBytes: 64, overflowBytes: 64, identity: 1 } as const;

/** What each operation writes. */
export const writes: Readonly<Record<string, readonly Write[]>> = {
  word: [[0, 1]],
  again: [[0, 2]],
  line: [[0, 3], [8, 4]],
  lines: [[8, 5], [64, 6]],
  overlap: [[0, 0x0102_0304], [4, 0x0506_0708, 32], [4, 0x0a0b_0c0d, 32]],
  crossing: [[60, 0x0102_0304_0506], [0, 7]],
  nested: [[64, 8], [0, 9]],
  large: [[0, 10], [128, 11], [192, 12], [256, 13]],
  direct: [[0, 14]],
  directly: [[8, 15]],
  far: [[64, 16]],
  throwing: [],
  nothing: [],
  reopen: [],
  close: [],
};

/** The names of all of them. */
export const names: readonly string[] = Object.keys(writes);

function put(view: Pick<DataView, "setUint32">, [byteOffset, value, bits]: Write): void {
  view.setUint32(byteOffset, value >>> 0, true);
  if (bits !== 32) view.setUint32(byteOffset + 4, Math.floor(value / 2 ** 32), true);
}

function plus([byteOffset, value, bits]: Write, offset: number): Write {
  return bits === undefined ? [byteOffset, value + offset] : [byteOffset, value + offset, bits];
}

/** A pool that is used, closed and opened again, all in one region: a process that ends leaves it as it is. */
export class Subject {
  readonly #region: Region;
  pool: Pool;

  constructor(region: Region) {
    this.#region = region;
    this.pool = openPool(lasting(region));
  }

  /** Does one operation; the numbers of each use are its own. */
  does({ name, arg }: Operation): void {
    const offset = arg as number;
    const list = writes[name]!.map((write) => plus(write, offset));
    const { pool } = this;
    switch (name) {
      case "nothing":
        return pool.transaction((tx) => void tx.getUint8(0));
      case "throwing":
        try {
          pool.transaction((tx) => {
            tx.setUint32(0, 99);
            throw new Error("expected");
          });
        } catch (error) {
          if ((error as Error).message !== "expected") throw error;
        }
        return;
      case "nested":
        return pool.transaction((tx) => {
          put(tx, list[0]!);
          pool.transaction((inner) => put(inner, list[1]!));
        });
      case "direct": {
        // One store: two would be there one by one
        pool.file.view(BigUint64Array, pool.dataOffset, 1)[0] = BigInt(list[0]![1]);
        return pool.file.persist(pool.dataOffset, 8);
      }
      case "directly":
        return pool.file.store64(pool.dataOffset + 8, list[0]![1]);
      case "close":
        pool.close();
        this.pool = openPool(lasting(this.#region));
        return;
      case "reopen":
        // As a process that was killed leaves it: nothing is closed
        this.#region.defer(undefined);
        this.pool = openPool(lasting(this.#region));
        return;
      default:
        return pool.transaction((tx) => {
          for (const write of list) put(tx, write);
        });
    }
  }

  /** What the data area holds. */
  look(): string {
    return this.pool.transaction((tx) => text(tx.read(0, lookedAt)));
  }
}

/** A region that closing a pool does not close. */
export function lasting(region: Region): Region {
  return new Proxy(region, {
    get(target, name) {
      if (name === "close") return () => {};
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The bytes that are not zero, by place. */
export function text(bytes: Uint8Array): string {
  let written = "";
  // A loop, for this is most of what some crash tests do
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0) written += `${at}:${bytes[at]!.toString(16)} `;
  }
  return written;
}

/** What the operations mean: `state` is the bytes in hexadecimal. */
export const reference = {
  init: (): string => "",
  apply(state: string, { name, arg }: Operation): string {
    const bytes = new Uint8Array(lookedAt), view = new DataView(bytes.buffer);
    for (const part of state.split(" ").slice(0, -1)) {
      const [at, byte] = part.split(":");
      bytes[Number(at)] = parseInt(byte!, 16);
    }
    for (const write of writes[name]!) put(view, plus(write, arg as number));
    return text(bytes);
  },
};

/** Makes the pool. */
export function setup(m: Region): void {
  openPool(lasting(m), { create: true, ...sizes });
}

/** The crash test of a sequence of operations; each is given its place in the sequence. */
export function testOf(
  sequence: readonly string[],
  wrap: (m: Region) => Region = (m) => m,
): CrashOptions<Subject, string> {
  return {
    size,
    setup,
    workload: async (m, t) => {
      const subject = new Subject(wrap(m));
      for (const [index, name] of sequence.entries()) {
        const operation = { name, arg: index * 16 };
        await t.op(name, operation.arg, () => subject.does(operation));
      }
    },
    recover: (m) => new Subject(wrap(m)),
    observe: (subject) => subject.look(),
    reference,
    further: (subject, t) => t.op("word", 80, () => subject.does({ name: "word", arg: 80 })),
  };
}

/** Every sequence of so many of the names, the shorter ones too. */
export function* sequencesOf(names: readonly string[], upTo: number): Generator<readonly string[]> {
  yield [];
  if (upTo === 0) return;
  for (const rest of sequencesOf(names, upTo - 1)) {
    if (rest.length === upTo - 1) { for (const name of names) yield [...rest, name]; }
    else if (rest.length > 0) yield rest;
  }
}
