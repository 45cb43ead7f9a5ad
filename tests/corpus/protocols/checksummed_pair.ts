// Two copies of a pair, written in turn, each with its generation and the library's checksum of both. The newest that checks counts.
import { DRAINS, EVERY, FLUSHES, LINES, protocol } from "../protocol.ts";

export const checksummedPair = protocol({
  name: "checksummed-pair",
  size: 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { set: [[1, 2], [3, 4]] },
  longer: [[["set", [1, 2]], ["set", [3, 4]], ["set", [5, 6]]]],
  further: [["set", [7, 8]]],
  init: () => [0, 0],
  means: { set: (_, pair: number[]) => pair },
  open(m, bug) {
    const side = (i: number) => m.view(Uint32Array, 128 * (i % 2), 17);
    const sum = (i: number) => m.checksum(128 * (i % 2) + 8, bug === "checksum ends early" ? 56 : 60, 9);
    const read = (i: number) => {
      const [check, , generation, a] = side(i), b = side(i)[16]!;
      const isWhole = bug === "any checksum" ? check !== 0 : generation! > 0 && check === sum(i);
      if (!isWhole && generation !== 0) m.store64(128 * (i % 2), 0);
      return { generation: isWhole ? generation! : 0, pair: isWhole ? [a!, b] : [0, 0] };
    };
    const [even, odd] = [read(0), read(1)];
    let newest = even.generation > odd.generation || bug === "first that checks" && even.generation > 0
      ? even
      : odd;
    return {
      does: {
        set(pair: [number, number]) {
          const generation = newest.generation + 1;
          const place = bug === "one copy" ? 0 : generation, words = side(place);
          words[2] = generation;
          if (bug === "checksum first") words[0] = sum(place);
          [words[3], words[16]] = pair;
          if (bug !== "checksum first") words[0] = sum(place);
          if (bug === "second line not flushed") m.persist(words.subarray(0, 16));
          else if (bug === "not drained") m.flush(words);
          else if (bug === "not flushed") m.drain();
          else m.persist(words);
          newest = { generation, pair };
        },
      },
      look: () => newest.pair,
    };
  },
  bugs: {
    "checksum ends early": { kind: "checksum misses a field", models: LINES, fails: "torn", loses: [192] },
    "checksum first": { kind: "checksum misses a field", models: EVERY, fails: "lost", loses: [] },
    "any checksum": { kind: "torn commit", models: EVERY, fails: "torn", loses: [192] },
    "first that checks": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: "lost",
      loses: [],
    },
    "one copy": { kind: "reused too early", models: EVERY, fails: ["lost", "torn"], loses: [0] },
    "second line not flushed": {
      kind: "second line not flushed",
      models: LINES,
      fails: "lost",
      loses: [192],
    },
    "not drained": { kind: "drain dropped", models: DRAINS, fails: "lost", loses: [192] },
    "not flushed": { kind: "flush dropped", models: FLUSHES, fails: "lost", loses: [192] },
  },
});
