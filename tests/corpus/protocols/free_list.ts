// Nodes are on one of two lists, free or used, each with links of its own, and one word holds both heads: a node changes lists
// by one store, once its link in the new list is durable.
import type { Region } from "../../../src/testing/mod.ts";
import { DRAINS, EVERY, protocol } from "../protocol.ts";

export const freeList = protocol({
  name: "free-list",
  size: 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { take: [5, 6], give: [undefined] },
  longer: [[["take", 5], ["take", 6], ["give"], ["take", 7]]],
  further: [["take", 8]],
  init: () => ({ used: [] as number[], free: 3 }),
  means: {
    take: ({ used, free }, value: number) =>
      free > 0 ? { used: [value, ...used], free: free - 1 } : undefined,
    give: ({ used, free }) => used.length > 0 ? { used: used.slice(1), free: free + 1 } : undefined,
  },
  setup(m, bug) {
    for (const i of [1, 2]) node(m, i)[bug === "one link for both" ? 1 : 2] = i + 1;
    m.view(Uint8Array, 0, 16)[0] = 1;
  },
  open(m, bug) {
    const FREE = 0, USED = bug === "heads in two words" ? 8 : 1;
    const link = (list: number) => list === USED || bug === "one link for both" ? 1 : 2;
    const heads = m.view(Uint8Array, 0, 16);
    const walk = (list: number) => {
      const nodes = [];
      for (let i = heads[list]!; i !== 0; i = node(m, i)[link(list)]!) nodes.push(i);
      return nodes;
    };
    const move = (from: number, to: number, value?: number) => {
      const i = heads[from]!;
      if (i === 0) return;
      const next = node(m, i)[link(from)]!;
      const publish = () => {
        if (bug === "heads in two words") {
          heads[from] = next;
          heads[to] = i;
          m.persist(heads);
        } else m.store64(0, from === FREE ? next + 256 * i : i + 256 * next);
      };
      if (bug === "heads first") publish();
      if (bug === "linked after the flush") m.persist(node(m, i));
      if (value !== undefined) node(m, i)[0] = value;
      node(m, i)[link(to)] = heads[to] === i ? 0 : heads[to]!;
      if (bug !== "linked after the flush") m.flush(node(m, i));
      if (bug !== "node not drained" && bug !== "linked after the flush") m.drain();
      if (bug !== "heads first") publish();
    };
    return {
      does: { take: (value: number) => move(FREE, USED, value), give: () => move(USED, FREE) },
      look: () => ({ used: walk(USED).map((i) => node(m, i)[0]!), free: walk(FREE).length }),
    };
  },
  bugs: {
    "one link for both": { kind: "reused too early", models: EVERY, fails: ["torn", "endless"], loses: [] },
    "heads in two words": { kind: "torn commit", models: EVERY, fails: "torn", loses: [0] },
    "heads first": { kind: "commit hoisted", models: EVERY, fails: ["torn", "endless"], loses: [] },
    "node not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [64] },
    "linked after the flush": { kind: "flush before the store", models: DRAINS, fails: "torn", loses: [64] },
  },
});

// A value, the next used node, the next free one.
function node(m: Region, i: number): Uint32Array {
  return m.view(Uint32Array, 64 * i, 3);
}
