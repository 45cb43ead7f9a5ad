// A word in one page, its old value and a flag in another. The flag is durable before the word changes and until the change is; recovery
// that finds it takes the change back. Both values are right after a crash, but not first the one and then the other.
import { DRAINS, EVERY, FLUSHES, LINES, protocol, words } from "../protocol.ts";

export const rollbackWord = protocol({
  name: "rollback-word",
  size: 4096 + 64,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { set: [5, 6] },
  longer: [[["set", 5], ["set", 6], ["set", 7]]],
  further: [["set", 8]],
  init: () => 0,
  means: { set: (_, value: number) => value },
  open(m, bug) {
    const flag = words(m, 0, 1), old = words(m, 64, 1), word = words(m, 4096, 1);
    const mark = (value: number) => {
      flag[0] = value;
      m.flush(flag);
      if (value === 1 || bug !== "flag not drained") m.drain();
    };
    if (flag[0] === 1 && bug === "recovery swaps") {
      [word[0], old[0]] = [old[0]!, word[0]!];
      m.persist();
    } else if (flag[0] === 1) {
      word[0] = old[0]!;
      if (bug === "recovery does not flush") m.drain();
      else if (bug === "recovery flushes the old value") m.persist(old);
      else m.persist(word);
      mark(0);
    }
    return {
      does: {
        set(value: number) {
          if (bug === "flag first") mark(1);
          old[0] = word[0]!;
          if (bug !== "old value not flushed") m.flush(old);
          m.drain();
          mark(1);
          word[0] = value;
          if (bug !== "word not flushed") m.flush(word);
          m.drain();
          mark(0);
        },
      },
      look: () => word[0]!,
    };
  },
  bugs: {
    "recovery does not flush": {
      kind: "recovery forgets a flush",
      models: FLUSHES,
      fails: "not-durable",
      loses: [4096],
    },
    "recovery flushes the old value": {
      kind: "wrong line flushed",
      models: FLUSHES,
      fails: "not-durable",
      loses: [4096],
    },
    "recovery swaps": {
      kind: "recovery not repeatable",
      models: EVERY,
      fails: ["not-idempotent", "not-durable"],
      loses: [],
    },
    "flag first": { kind: "commit hoisted", models: EVERY, fails: ["lost", "torn"], loses: [] },
    "old value not flushed": { kind: "flush dropped", models: LINES, fails: ["lost", "torn"], loses: [64] },
    "word not flushed": { kind: "flush dropped", models: FLUSHES, fails: "lost", loses: [4096] },
    "flag not drained": { kind: "acknowledged before the drain", models: DRAINS, fails: "lost", loses: [0] },
  },
});
