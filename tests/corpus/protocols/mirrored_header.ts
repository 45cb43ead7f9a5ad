// A header of two fields and a checksum, twice: the first is written and made durable, then the second. Recovery takes the first if it
// checks, else the second, and writes it over the other.
import { checksum, EVERY, LINES, protocol, words } from "../protocol.ts";

export const mirroredHeader = protocol({
  name: "mirrored-header",
  size: 128,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { set: [[1, 2], [3, 2]] },
  further: [["set", [5, 6]], ["set", [7, 2]]],
  init: () => [0, 0],
  means: { set: (_, pair: number[]) => pair },
  setup(m, bug) {
    const stored = bug === "check misses a field" ? checksum(0) : checksum(0, 0);
    for (const at of [0, 64]) m.write(at, new Float64Array([0, 0, stored]));
  },
  open(m, bug) {
    const copies = [words(m, 0, 3), words(m, 64, 3)];
    const check = (a: number, b: number) => bug === "check misses a field" ? checksum(b) : checksum(a, b);
    const isWhole = ([a, b, stored]: Float64Array) => stored === check(a!, b!);
    const write = (side: number, pair: readonly number[], last: boolean) => {
      copies[side]!.set([...pair, check(pair[0]!, pair[1]!)]);
      if (bug === "first not flushed" && side === 0) return;
      if (last) m.deepFlush(copies[side]!);
      else m.flush(copies[side]!);
    };
    const good = copies.findIndex(isWhole);
    if (good < 0) throw new Error("both headers are damaged");
    const held = [...copies[good]!.slice(0, 2)], other = copies[1 - good]!;
    const isSame = [...held, check(held[0]!, held[1]!)].every((word, i) => other[i] === word);
    if (!isSame && !(good === 0 && bug === "second not mended")) {
      write(1 - good, held, bug !== "mended, not drained");
    }
    return {
      does: {
        set(pair: [number, number]) {
          write(0, pair, bug !== "both at once");
          write(1, pair, true);
        },
      },
      look: () => [...copies[0]!.slice(0, 2)],
    };
  },
  bugs: {
    "check misses a field": { kind: "checksum misses a field", models: EVERY, fails: "torn", loses: [0] },
    "both at once": { kind: "drain dropped", models: LINES, fails: "threw", loses: [0, 64] },
    "first not flushed": { kind: "flush dropped", models: LINES, fails: ["lost", "threw"], loses: [0, 64] },
    "second not mended": {
      kind: "recovery forgets a flush",
      models: EVERY,
      fails: ["torn", "not-durable"],
      loses: [0],
      later: true,
    },
    "mended, not drained": {
      kind: "recovery forgets a flush",
      models: LINES,
      fails: ["threw", "torn", "not-durable"],
      loses: [0, 64],
      later: true,
    },
  },
});
