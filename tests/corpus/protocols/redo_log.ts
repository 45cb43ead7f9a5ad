// New values go to a log; a count commits them; then they are applied, in another page, and the count goes back to 0.
// Recovery applies what is committed once more, which is harmless because it stores values, not differences.
import { EVERY, FLUSHES, LINES, protocol, words } from "../protocol.ts";

export const redoLog = protocol({
  name: "redo-log",
  size: 4096 + 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { put: [[0, 5, 1, 6], [1, 7, 2, 8]] },
  further: [["put", [2, 1, 0, 3]]],
  init: () => [0, 0, 0],
  means: {
    put(state, [i, a, k, b]: [number, number, number, number]) {
      state[i] = a;
      state[k] = b;
    },
  },
  open(m, bug) {
    const count = words(m, 0, 1);
    const entry = (i: number) => words(m, 64 + 64 * i, 2);
    const cell = (i: number) => words(m, 4096 + 64 * i, 1);
    const commit = (n: number) => {
      count[0] = n;
      m.persist(count);
    };
    const apply = (flush: boolean) => {
      for (const n of [0, 1]) {
        const [i, value] = entry(n);
        cell(i!)[0] = bug === "differences" ? cell(i!)[0]! + value! : value!;
        if (flush) m.flush(cell(i!));
      }
    };
    if (count[0] === 2) {
      apply(bug !== "recovery does not flush");
      m.drain();
      if (bug !== "recovery keeps the log") commit(0);
    }
    return {
      does: {
        put([i, a, k, b]: [number, number, number, number]) {
          const first = bug === "differences" ? a - cell(i)[0]! : a;
          entry(0).set([i, first]);
          entry(1).set([k, bug === "differences" ? b - cell(k)[0]! : b]);
          if (bug === "applied first") apply(true);
          m.flush(64, bug === "log narrowed" ? 64 : 128);
          if (bug !== "committed before the drain") m.drain();
          commit(2);
          apply(bug !== "cells not flushed" && bug !== "forgotten before applied");
          if (bug === "forgotten before applied") commit(0);
          if (bug === "forgotten before applied") [i, k].forEach((at) => m.flush(cell(at)));
          m.drain();
          commit(0);
        },
      },
      look: () => [0, 1, 2].map((i) => cell(i)[0]!),
    };
  },
  bugs: {
    "log narrowed": { kind: "flush narrowed", models: LINES, fails: "torn", loses: [128] },
    "committed before the drain": {
      kind: "commit before the drain",
      models: LINES,
      fails: "torn",
      loses: [128],
    },
    "applied first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [4160] },
    "cells not flushed": { kind: "flush dropped", models: FLUSHES, fails: "torn", loses: [4160] },
    "forgotten before applied": { kind: "reused too early", models: FLUSHES, fails: "torn", loses: [4160] },
    "differences": { kind: "recovery not repeatable", models: EVERY, fails: "torn", loses: [] },
    "recovery does not flush": {
      kind: "recovery forgets a flush",
      models: FLUSHES,
      fails: ["torn", "not-durable"],
      loses: [4160],
    },
    "recovery keeps the log": {
      kind: "stale generation accepted",
      models: EVERY,
      fails: ["torn", "not-durable"],
      loses: [128],
      later: true,
    },
  },
});
