// Four small structures that are right, each with its reference: what the engine must accept, and whose every weakened
// copy it must find. They know only the interface of DaxFile.
import type { CrashOptions, Operation, Region } from "../../src/testing/mod.ts";

/** A structure with all that a crash test needs but its operations. */
export interface Subject {
  readonly size: number;
  readonly operations: Readonly<Record<string, readonly unknown[]>>;
  open(m: Region): Structure;
  readonly reference: CrashOptions<Structure, unknown>["reference"];
  /** An operation to try after each recovery. */
  readonly further: Operation;
}

/** Something that does operations and can be looked at. */
export interface Structure {
  does(operation: Operation): void;
  look(): unknown;
}

const LINE = 64;

/** Two keys; each has two slots of two lines and a word that says which holds. Two fences. */
export const slots: Subject = {
  size: 1024,
  operations: { put: [[0, 1], [0, 2], [1, 3]] },
  open(m) {
    const slot = (key: number, side: number) => m.view(BigUint64Array, LINE * (1 + 4 * key + 2 * side), 16);
    const sides = m.view(BigUint64Array, 0, 2);
    return {
      does({ arg }) {
        const [key, value] = arg as [number, number];
        const side = Number(sides[key]! === 1n ? 2 : 1);
        const target = slot(key, side - 1);
        target[0] = BigInt(value);
        target[8] = BigInt(value);
        m.flush(target);
        m.drain();
        sides[key] = BigInt(side);
        m.persist(sides);
      },
      look: () =>
        [0, 1].map((key) => {
          const side = Number(sides[key]);
          if (side === 0) return 0;
          const target = slot(key, side - 1);
          return target[0] === target[8] ? Number(target[0]) : "torn";
        }),
    };
  },
  reference: {
    init: () => [0, 0],
    apply: (state, { arg }) => {
      const [key, value] = arg as [number, number];
      (state as number[])[key] = value;
    },
  },
  further: { name: "put", arg: [1, 4] },
};

/**
 * Records of four words (sequence, two of data, checksum), appended by one write with one fence. Recovery clears a
 * torn record: the rest of it would become whole again if a crash tore the next one just so.
 */
export const log: Subject = {
  size: 1024,
  operations: { append: [5, 6] },
  open(m) {
    const words = m.view(BigUint64Array);
    const check = (at: number) => (words[at]! * 31n + words[at + 1]! * 37n + words[at + 2]! * 41n) ^ 0x5555n;
    const isRecord = (at: number, sequence: bigint) => words[at] === sequence && words[at + 3] === check(at);
    let length = 0;
    while (isRecord(length * 4, BigInt(length + 1))) length++;
    if (words.subarray(length * 4, length * 4 + 4).some((word) => word !== 0n)) m.fill(length * 32, 32);
    return {
      does({ arg }) {
        const sequence = BigInt(length + 1), a = BigInt(arg as number), b = a + 1n;
        const checksum = (sequence * 31n + a * 37n + b * 41n) ^ 0x5555n;
        m.write(length * 32, new BigUint64Array([sequence, a, b, checksum]));
        length++;
      },
      look: () => Array.from({ length }, (_, i) => [Number(words[i * 4 + 1]), Number(words[i * 4 + 2])]),
    };
  },
  reference: {
    init: () => [],
    apply: (state, { arg }) => void (state as number[][]).push([arg as number, arg as number + 1]),
  },
  further: { name: "append", arg: 7 },
};

/** Two accounts in lines of their own; a transfer keeps the old values in an undo log until it is done. */
export const undo: Subject = {
  size: 512,
  operations: { move: [1, 2] },
  open(m) {
    const accounts = [m.view(BigInt64Array, LINE, 1), m.view(BigInt64Array, 2 * LINE, 1)] as const;
    const old = m.view(BigInt64Array, 3 * LINE, 9), valid = m.view(BigUint64Array, 0, 1);
    const close = () => {
      valid[0] = 0n;
      m.persist(valid);
    };
    if (valid[0] === 1n) {
      accounts[0][0] = old[0]!;
      accounts[1][0] = old[8]!;
      m.flush(accounts[0]);
      m.flush(accounts[1]);
      m.drain();
      close();
    }
    return {
      does({ arg }) {
        old[0] = accounts[0][0]!;
        old[8] = accounts[1][0]!;
        m.persist(old);
        valid[0] = 1n;
        m.persist(valid);
        accounts[0][0]! -= BigInt(arg as number);
        accounts[1][0]! += BigInt(arg as number);
        m.flush(accounts[0]);
        m.flush(accounts[1]);
        m.drain();
        close();
      },
      look: () => [Number(accounts[0][0]), Number(accounts[1][0])],
    };
  },
  reference: {
    init: () => [0, 0],
    apply: (state, { arg }) => {
      const [a, b] = state as [number, number];
      return [a - (arg as number), b + (arg as number)];
    },
  },
  further: { name: "move", arg: 4 },
};

/** A queue of three entries of two lines: an entry is filled, then the tail moves; the head moves to take one. */
export const ring: Subject = {
  size: 1024,
  operations: { push: [5, 6], take: [undefined] },
  open(m) {
    const ends = m.view(BigUint64Array, 0, 9); // the head, and the tail a line further
    const entry = (at: number) => m.view(BigUint64Array, LINE * (2 + 2 * (at % 3)), 16);
    return {
      does({ name, arg }) {
        const head = Number(ends[0]), tail = Number(ends[8]);
        if (name === "take") {
          if (head < tail) m.store64(0, head + 1);
        } else if (tail - head < 3) {
          const target = entry(tail);
          target[0] = BigInt(arg as number);
          target[15] = BigInt(arg as number);
          m.persist(target);
          ends[8] = BigInt(tail + 1);
          m.persist(LINE, 8);
        }
      },
      look: () => {
        const found = [];
        for (let at = Number(ends[0]); at < Number(ends[8]); at++) {
          found.push(...[0, 15].map((i) => Number(entry(at)[i])));
        }
        return found;
      },
    };
  },
  reference: {
    init: () => [],
    apply: (state, { name, arg }) => {
      const entries = state as number[];
      if (name === "take") entries.splice(0, 2);
      else if (entries.length < 6) entries.push(arg as number, arg as number);
    },
  },
  further: { name: "push", arg: 7 },
};

/** The crash test of a subject for one sequence of operations. */
export function testOf(
  { size, open, reference, further }: Subject,
  sequence: readonly Operation[],
  wrap: (m: Region) => Region = (m) => m,
): CrashOptions<Structure, unknown> {
  return {
    size,
    reference,
    workload: async (m, t) => {
      const structure = open(wrap(m));
      for (const operation of sequence) {
        await t.op(operation.name, operation.arg, () => structure.does(operation));
      }
    },
    recover: (m) => open(wrap(m)),
    observe: (structure) => structure.look(),
    further: (structure, t) => t.op(further.name, further.arg, () => structure.does(further)),
  };
}
