// Three accounts, each in a line of its own. Before one is changed, its old value is made durable in an entry of its own
// and counted; at the end the accounts are made durable, and the entries are forgotten by one store.
import { EVERY, LINES, protocol, words } from "../protocol.ts";

export const undoLog = protocol({
  name: "undo-log",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { move: [[0, 1, 5], [2, 2, 3]] },
  longer: [[["move", [0, 1, 5]], ["move", [1, 2, 3]], ["move", [2, 0, 1]]]],
  further: [["move", [1, 2, 4]]],
  init: () => [10, 10, 10],
  means: {
    move(state, [from, to, amount]: [number, number, number]) {
      state[from]! -= amount;
      state[to]! += amount;
    },
  },
  setup(m) {
    for (let i = 0; i < 3; i++) words(m, 256 + 64 * i, 1)[0] = 10;
  },
  open(m, bug) {
    const count = words(m, 0, 1);
    const entry = (i: number) => words(m, 64 + 64 * i, 2);
    const account = (i: number) => words(m, 256 + 64 * i, 1);
    const counted = (n: number) => {
      count[0] = n;
      m.persist(count);
    };
    const used = count[0]!;
    if (bug === "recovery forgets the entries first") counted(0);
    for (let n = 0; n < used; n++) {
      const [target, old] = entry(bug === "undone forwards" ? n : used - 1 - n);
      account(target!)[0] = bug === "entries are differences" ? account(target!)[0]! + old! : old!;
      if (bug !== "recovery does not flush") m.flush(account(target!));
    }
    if (used > 0) {
      m.drain();
      counted(0);
    }
    const change = (n: number, i: number, by: number) => {
      if (bug === "counted first") counted(n + 1);
      entry(n)[0] = i;
      entry(n)[1] = bug === "entries are differences" ? -by : account(i)[0]!;
      if (bug !== "entry not flushed") m.flush(entry(n));
      m.drain();
      counted(n + 1);
      account(i)[0]! += by;
    };
    return {
      does: {
        move([from, to, amount]: [number, number, number]) {
          change(0, from, -amount);
          change(1, to, amount);
          m.flush(account(from));
          if (bug !== "second account not flushed") m.flush(account(to));
          if (bug !== "accounts not drained") m.drain();
          counted(0);
        },
      },
      look: () => [0, 1, 2].map((i) => account(i)[0]!),
    };
  },
  bugs: {
    "entry not flushed": { kind: "flush dropped", models: LINES, fails: "torn", loses: [64] },
    "counted first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "second account not flushed": {
      kind: "second line not flushed",
      models: LINES,
      fails: ["lost", "torn"],
      loses: [320],
    },
    "accounts not drained": { kind: "drain dropped", models: LINES, fails: "torn", loses: [320] },
    "undone forwards": { kind: "recovery in the wrong order", models: EVERY, fails: "torn", loses: [] },
    "entries are differences": {
      kind: "recovery not repeatable",
      models: EVERY,
      fails: "torn",
      loses: [],
    },
    "recovery does not flush": {
      kind: "recovery forgets a flush",
      models: LINES,
      fails: ["torn", "not-durable"],
      loses: [256],
    },
    "recovery forgets the entries first": {
      kind: "recovery in the wrong order",
      models: EVERY,
      fails: ["torn", "not-durable"],
      loses: [],
    },
  },
});
