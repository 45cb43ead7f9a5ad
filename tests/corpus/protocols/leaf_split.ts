// The leaves of a B-tree, two keys each: one word holds which keys count and which leaf is next. A key is durable before its bit. A full
// leaf is split: the upper key goes to a new leaf, and once that is durable one store takes it from the old leaf and links the new.
import { DRAINS, EVERY, integer, LINES, protocol, words } from "../protocol.ts";

export const leafSplit = protocol({
  name: "leaf-split",
  size: 6 * 128,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { insert: [3, 1] },
  longer: [
    [["insert", 3], ["insert", 1], ["insert", 2]],
    [1, 2, 3, 4].map((key) => ["insert", key] as const),
  ],
  further: [["insert", 9]],
  init: () => [] as number[],
  means: { insert: (state, key: number) => [...state, key].sort((a, b) => a - b) },
  open(m, bug) {
    const bits = (leaf: number) => integer(m, 128 * leaf) & 3,
      next = (leaf: number) => integer(m, 128 * leaf) >> 8;
    const set = (leaf: number, bits: number, next: number) => m.store64(128 * leaf, bits + 256 * next);
    const keys = (leaf: number) => words(m, 128 * leaf + 64, 2);
    const held = (leaf: number) => [0, 1].filter((i) => bits(leaf) & 1 << i).map((i) => keys(leaf)[i]!);
    const walk = () => {
      const leaves = [0];
      while (next(leaves.at(-1)!) !== 0) leaves.push(next(leaves.at(-1)!));
      return leaves;
    };
    const split = (leaf: number) => {
      const [a, b] = held(leaf), fresh = walk().length;
      const header = m.view(BigUint64Array, 128 * fresh, 1);
      keys(fresh)[0] = Math.max(a!, b!);
      header[0] = BigInt(1 + 256 * next(leaf));
      if (bug === "other leaf flushed") m.flush(128 * leaf, 128);
      else if (bug === "new leaf narrowed") m.flush(header);
      else if (bug !== "new leaf not flushed") m.flush(128 * fresh, 128);
      if (bug !== "new leaf not drained") m.drain();
      if (bug === "linked first") set(leaf, 3, fresh);
      const lower = a! < b! ? 1 : 2;
      if (bug === "taken first") set(leaf, lower, next(leaf));
      set(leaf, lower, fresh);
    };
    return {
      does: {
        insert(key: number) {
          const find = () =>
            walk().findLast((leaf) => leaf === 0 || held(leaf).some((other) => other < key))!;
          if (bits(find()) === 3) split(find());
          const leaf = find(), i = bits(leaf) & 1 ? 1 : 0;
          if (bug === "bit first") set(leaf, bits(leaf) | 1 << i, next(leaf));
          keys(leaf)[i] = key;
          if (bug !== "key not flushed") m.flush(keys(leaf));
          m.drain();
          set(leaf, bits(leaf) | 1 << i, next(leaf));
        },
      },
      look: () => walk().flatMap((leaf) => held(leaf)).sort((a, b) => a - b),
    };
  },
  bugs: {
    "bit first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "key not flushed": { kind: "flush dropped", models: LINES, fails: "torn", loses: [64] },
    "new leaf not flushed": { kind: "flush dropped", models: LINES, fails: "torn", loses: [192] },
    "new leaf narrowed": { kind: "flush narrowed", models: LINES, fails: "torn", loses: [192] },
    "other leaf flushed": { kind: "wrong line flushed", models: LINES, fails: "torn", loses: [192] },
    "new leaf not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [192] },
    "linked first": { kind: "torn commit", models: EVERY, fails: "torn", loses: [] },
    "taken first": { kind: "commit hoisted", models: EVERY, fails: ["lost", "torn"], loses: [] },
  },
});
