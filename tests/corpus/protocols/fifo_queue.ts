// A queue of at most three values in four slots; one word holds where it begins and ends. To shift takes the oldest and adds a new one, by
// one store of both ends: the slot it fills is not the one it frees.
import { DRAINS, EVERY, integer, LINES, protocol, words } from "../protocol.ts";

const full = [["push", 1], ["push", 2], ["push", 3]] as const;

export const fifoQueue = protocol({
  name: "fifo-queue",
  size: 64 + 4 * 64,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { push: [5, 6], pop: [undefined], shift: [7] },
  longer: [[...full, ["push", 4]], [...full, ["shift", 4]]],
  further: [["push", 8]],
  init: () => [] as number[],
  means: {
    push: (state, value: number) => state.length < 3 ? [...state, value] : state,
    pop: (state) => state.slice(1),
    shift: (state, value: number) => [...state.slice(1), value],
  },
  open(m, bug) {
    const slots = bug === "three slots" ? 3 : 4;
    const slot = (at: number) => words(m, 64 + 64 * (at % slots), 1);
    const ends = () => [integer(m, 0) & 255, integer(m, 0) >> 8] as const;
    const move = (head: number, tail: number) => m.store64(0, head + 256 * tail);
    const add = (head: number, value: number) => {
      const [, tail] = ends();
      if (bug === "tail first") move(head, tail + 1);
      slot(tail)[0] = value;
      const flushed = slot(bug === "head flushed" ? tail + 1 : tail);
      if (bug !== "not flushed") m.flush(flushed);
      if (bug !== "not drained") m.drain();
      move(head, tail + 1);
    };
    return {
      does: {
        push(value: number) {
          const [head, tail] = ends();
          if (tail - head < (bug === "one too many" ? 4 : 3)) add(head, value);
        },
        pop() {
          const [head, tail] = ends();
          if (head < tail) move(head + 1, tail);
        },
        shift(value: number) {
          const [head, tail] = ends();
          const next = head < tail ? head + 1 : head;
          if (bug === "one end after the other") move(next, tail);
          add(next, value);
        },
      },
      look() {
        const values = [];
        let [at, tail] = ends();
        for (; at < tail || bug === "read while there is something" && slot(at)[0] !== 0; at++) {
          values.push(slot(at)[0]!);
          if (values.length > 4) break;
        }
        return values;
      },
    };
  },
  bugs: {
    "three slots": { kind: "wrap-around", models: EVERY, fails: "torn", loses: [] },
    "one too many": { kind: "wrap-around", models: EVERY, fails: ["torn", "lost"], loses: [] },
    "one end after the other": { kind: "torn commit", models: EVERY, fails: ["lost", "torn"], loses: [] },
    "read while there is something": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: "torn",
      loses: [],
    },
    "tail first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "head flushed": { kind: "wrong line flushed", models: LINES, fails: "torn", loses: [64] },
    "not flushed": { kind: "flush dropped", models: LINES, fails: "torn", loses: [64] },
    "not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [64] },
  },
});
