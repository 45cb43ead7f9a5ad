// Quick crash tests of records and arrays, against which the mutation score (tests/mutants) runs every weakened flush of src/struct.

import { array, bytes, struct, u64 } from "../../src/struct/mod.ts";
import type { Model } from "../../src/testing/mod.ts";
import { openPool, type Transaction } from "../../src/transaction/mod.ts";
import type { Scenarios } from "../mutants/structures.ts";

/** Fields in lines of their own, one over two lines, and an array over several. */
const Wide = struct({
  a: u64,
  padA: bytes(56),
  b: u64,
  padB: bytes(120),
  c: u64,
  padC: bytes(48),
  d: array(u64, 2),
  many: array(u64, 24),
});

type Record = ReturnType<typeof Wide.at>;

const byteOffset = 192;

/** Each stores to two fields, or twice to one, and persists them in a way of its own. */
const operations: Readonly<
  { [name: string]: readonly [fields: [number, number], (record: Record, value: bigint) => void] }
> = {
  one: [[1, 1], (record, value) => {
    record.b = value;
    record.persist("b");
  }],
  together: [[0, 1], (record, value) => {
    record.a = record.b = value;
    record.persist("b", "a");
  }],
  apart: [[0, 2], (record, value) => {
    record.a = record.c = value;
    record.persist("a", "c");
  }],
  "over two lines": [[3, 4], (record, value) => {
    record.d.set(0, value);
    record.d.set(1, value);
    record.persist("d");
  }],
  elements: [[5, 6], (record, value) => {
    record.many.set(6, value);
    record.many.set(16, value);
    record.many.persist(6, 11);
  }],
  whole: [[0, 7], (record, value) => {
    record.a = value;
    record.many.set(23, value);
    record.persist();
  }],
};

/** The fields that operations store to. */
function contents({ a, b, c, d, many }: Record): number[] {
  return [a, b, c, d.at(0), d.at(1), many.at(6), many.at(16), many.at(23)].map(Number);
}

function recordTest(name: string, model: Model): Scenarios[string] {
  const [[first, second], does] = operations[name]!;
  return {
    size: 4096,
    model,
    nested: 0,
    workload: async (m, t) => {
      const record = Wide.at(m, byteOffset);
      for (const value of [1, 2]) await t.op(name, value, () => does(record, BigInt(value)));
    },
    recover: (m) => Wide.at(m, byteOffset),
    observe: contents,
    reference: {
      init: Array(8).fill(0),
      apply: (state: number[], { arg }) => state.with(first, arg as number).with(second, arg as number),
      // Until persist returns, of several words each may be there or not
      partial: (
        state: number[],
        { arg },
      ) => [state.with(first, arg as number), state.with(second, arg as number)],
    },
  };
}

/** A record in a transaction, which writes its bytes nowhere itself. */
const staged: Scenarios[string] = {
  size: 8192,
  nested: 0,
  setup: (m) => void openPool(m, { create: true, slotBytes: 512, overflowBytes: 64, identity: 1 }),
  workload: (m, t) =>
    t.op(
      "set",
      1,
      () => openPool(m).transaction((tx) => void (Wide.over(tx, 0).padA = new Uint8Array(56).fill(1))),
    ),
  recover: (m) => openPool(m),
  observe: (pool) => Number(pool.transaction((tx: Transaction) => tx.getBigUint64(8))),
  reference: { init: 0, apply: () => Number(0x0101_0101_0101_0101n) },
};

export const scenarios: Scenarios = Object.fromEntries([
  ...(["px86", "sector"] as const).flatMap((model) =>
    Object.keys(operations).map((
      name,
    ): [string, Scenarios[string]] => [`${name}, ${model}`, recordTest(name, model)])
  ),
  ["in a transaction", staged],
]);
