// Two words in lines of their own that are always opposite, and a lock that is durable before either changes and until both have.
// Recovery that finds the lock taken sets the second from the first, and only then opens the lock.
import { EVERY, LINES, protocol, words } from "../protocol.ts";

export const togglePair = protocol({
  name: "toggle-pair",
  size: 192,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { toggle: [undefined] },
  longer: [[["toggle"], ["toggle"], ["toggle"]]],
  further: [["toggle"]],
  init: () => [0, 1],
  means: { toggle: ([a, b]) => [b!, a!] },
  setup: (m) => words(m, 128, 1)[0] = 1,
  open(m, bug) {
    const lock = words(m, 0, 1), a = words(m, 64, 1), b = words(m, 128, 1);
    const set = (taken: number) => {
      lock[0] = taken;
      m.flush(lock);
      if (taken === 0 || bug !== "lock not drained") m.drain();
    };
    while (bug === "waits for the lock" && lock[0] === 1);
    if (lock[0] === 1) {
      if (bug === "opened first") set(0);
      b[0] = bug === "toggled again" ? 1 - b[0]! : 1 - a[0]!;
      if (bug !== "recovery does not flush") m.persist(b);
      set(0);
    }
    return {
      does: {
        toggle() {
          if (bug !== "without the lock") set(1);
          a[0] = 1 - a[0]!;
          b[0] = 1 - b[0]!;
          m.flush(a);
          if (bug !== "second line not flushed") m.flush(b);
          if (bug !== "one drain for both") m.drain();
          set(0);
        },
      },
      look: () => [a[0]!, b[0]!],
    };
  },
  bugs: {
    "lock not drained": { kind: "drain dropped", models: LINES, fails: "torn", loses: [0, 128] },
    "without the lock": { kind: "commit before the drain", models: EVERY, fails: "torn", loses: [128] },
    "one drain for both": { kind: "drain dropped", models: LINES, fails: "torn", loses: [128] },
    "second line not flushed": {
      kind: "second line not flushed",
      models: LINES,
      fails: "torn",
      loses: [128],
    },
    "waits for the lock": { kind: "endless recovery", models: EVERY, fails: "endless", loses: [] },
    "toggled again": { kind: "recovery not repeatable", models: EVERY, fails: "torn", loses: [] },
    "opened first": {
      kind: "recovery in the wrong order",
      models: EVERY,
      fails: ["torn", "not-durable"],
      loses: [128],
    },
    "recovery does not flush": {
      kind: "recovery forgets a flush",
      models: LINES,
      fails: ["torn", "not-durable"],
      loses: [128],
    },
  },
});
