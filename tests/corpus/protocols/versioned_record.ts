// A record of two lines, twice, as a seqlock does it: each line ends with the version, stored last; a copy is whole when both of
// its lines have the same one, and the newer whole copy holds. One fence. It relies on the order within a line. Recovery takes the versions off a torn copy.
import { EVERY, FLUSHES, LINES, protocol, words } from "../protocol.ts";

export const versionedRecord = protocol({
  name: "versioned-record",
  size: 256,
  right: ["px86", "sector", "eadr"],
  wrong: { word: "torn" },
  operations: { set: [[1, 2], [3, 4]] },
  longer: [[["set", [1, 2]], ["set", [3, 4]], ["set", [5, 6]], ["set", [7, 8]]]],
  further: [["set", [9, 9]]],
  init: () => [0, 0],
  means: { set: (_, pair: number[]) => pair },
  open(m, bug) {
    const line = (copy: number, i: number) => words(m, 128 * copy + 64 * i, 2);
    const version = (copy: number) => line(copy, 0)[1]!;
    const isWhole = (copy: number) => bug === "one version read" || version(copy) === line(copy, 1)[1];
    const newer = () => isWhole(1) && (version(1) > version(0) || !isWhole(0)) ? 1 : 0;
    for (const copy of [0, 1]) {
      if (isWhole(copy) || bug === "torn copy not cleared") continue;
      for (const i of [0, 1]) line(copy, i)[1] = 0;
      m.persist(128 * copy, 128);
    }
    return {
      does: {
        set(pair: [number, number]) {
          const next = version(newer()) + 1;
          const copy = bug === "one copy" ? 0 : 1 - newer();
          for (const i of [0, 1]) {
            const target = line(copy, i);
            if (bug === "version first") target[1] = next;
            target[0] = pair[i]!;
            if (bug === "flushed before its version") m.flush(target);
            target[1] = bug === "versions up to three" ? next & 3 : next;
            if (bug !== "flushed before its version" && (i === 0 || bug !== "second line not flushed")) {
              m.flush(target);
            }
          }
          m.drain();
        },
      },
      look: () => [0, 1].map((i) => line(newer(), i)[0]!),
    };
  },
  bugs: {
    "version first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [192] },
    "one version read": { kind: "checksum misses a field", models: EVERY, fails: "torn", loses: [192] },
    "second line not flushed": {
      kind: "second line not flushed",
      models: FLUSHES,
      fails: "lost",
      loses: [192],
    },
    "flushed before its version": {
      kind: "flush before the store",
      models: FLUSHES,
      fails: "lost",
      loses: [192],
    },
    "torn copy not cleared": {
      kind: "half a record left behind",
      models: LINES,
      fails: ["torn", "not-durable"],
      loses: [128, 192],
      later: true,
    },
    "one copy": { kind: "reused too early", models: EVERY, fails: ["lost", "torn"], loses: [64] },
    "versions up to three": { kind: "wrap-around", models: EVERY, fails: "lost", loses: [] },
  },
});
