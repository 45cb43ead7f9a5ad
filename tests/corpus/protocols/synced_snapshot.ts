// Two copies, each over two pages, and a word that says which holds. All of the region is synchronised, off the thread, before the word
// changes: the protocol for those who do not know what they changed.
import { EVERY, FLUSHES, integer, protocol, words } from "../protocol.ts";

export const syncedSnapshot = protocol({
  name: "synced-snapshot",
  size: 5 * 4096,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { set: [[1, 2], [3, 4]] },
  further: [["set", [5, 6]]],
  init: () => [0, 0],
  means: { set: (_, pair: number[]) => pair },
  open(m, bug) {
    const part = (side: number, i: number) => words(m, 4096 * (1 + 2 * side + i), 1);
    return {
      does: {
        async set(pair: [number, number]) {
          const side = 1 - integer(m, 0);
          if (bug === "synchronised before") await m.sync();
          for (const i of [0, 1]) part(side, i)[0] = pair[i]!;
          if (bug === "one page flushed") m.persist(part(side, 0));
          else if (bug === "not awaited" || bug === "not awaited, another drain") void m.sync();
          else if (bug === "awaited too late") return m.store64(0, side), await m.sync();
          else if (bug !== "synchronised before") await m.sync();
          if (bug === "not awaited, another drain") m.persist(0, 8);
          m.store64(0, side);
        },
      },
      look: () => [0, 1].map((i) => part(integer(m, 0), i)[0]!),
    };
  },
  bugs: {
    "synchronised before": { kind: "flush before the store", models: EVERY, fails: "torn", loses: [16384] },
    "not awaited": { kind: "commit before the drain", models: EVERY, fails: "torn", loses: [16384] },
    "not awaited, another drain": {
      kind: "commit before the drain",
      models: FLUSHES,
      fails: "torn",
      loses: [16384],
    },
    "awaited too late": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [16384] },
    "one page flushed": {
      kind: "flush narrowed",
      models: FLUSHES,
      fails: "torn",
      loses: [16384],
    },
  },
});
