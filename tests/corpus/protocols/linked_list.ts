// A stack of nodes of two lines: the value in the first, the next node in the second. A node is made durable before the head
// leads to it; it is free once the head no longer does.
import { DRAINS, EVERY, integer, LINES, protocol, words } from "../protocol.ts";

export const linkedList = protocol({
  name: "linked-list",
  size: 64 + 4 * 128,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { push: [5, 6], pop: [undefined] },
  longer: [[["push", 5], ["push", 6], ["pop"], ["push", 7]]],
  further: [["push", 8]],
  init: () => [] as number[],
  means: { push: (state, value: number) => [value, ...state], pop: (state) => state.slice(1) },
  open(m, bug) {
    const node = (i: number) => words(m, 64 + 128 * (i - 1), 9);
    const walk = () => {
      const nodes = [];
      for (let i = integer(m, 0); i !== 0; i = node(i)[8]!) nodes.push(i);
      return nodes;
    };
    walk();
    return {
      does: {
        push(value: number) {
          const nodes = walk(), head = integer(m, 0);
          const i = bug === "node in use taken" ? 1 : [1, 2, 3, 4].find((i) => !nodes.includes(i))!;
          const target = node(i);
          if (bug === "head first") m.store64(0, i);
          target[0] = value;
          if (bug === "linked after the flush") m.persist(target);
          target[8] = head;
          if (bug !== "linked after the flush") {
            m.flush(target.byteOffset, bug === "second line not flushed" ? 8 : 72);
          }
          if (bug !== "node not drained" && bug !== "linked after the flush") m.drain();
          m.store64(0, i);
        },
        pop() {
          const i = integer(m, 0);
          if (i === 0) return;
          const next = node(i)[8]!;
          if (bug === "wiped before it is free") m.fill(node(i).byteOffset, 72);
          m.store64(0, next);
        },
      },
      look: () => walk().map((i) => node(i)[0]!),
    };
  },
  bugs: {
    "head first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "second line not flushed": {
      kind: "second line not flushed",
      models: LINES,
      fails: ["lost", "torn"],
      loses: [256],
    },
    "linked after the flush": {
      kind: "flush before the store",
      models: DRAINS,
      fails: ["lost", "torn"],
      loses: [256],
    },
    "node not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [64] },
    "wiped before it is free": { kind: "reused too early", models: EVERY, fails: "torn", loses: [] },
    "node in use taken": { kind: "endless recovery", models: EVERY, fails: "endless", loses: [] },
  },
});
