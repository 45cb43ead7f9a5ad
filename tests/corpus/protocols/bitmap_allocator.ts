// Blocks of two lines, and one word with a bit for each block in use: a block is made durable before its bit is. To replace a
// block sets one bit and clears another in the same word at once.
import { DRAINS, EVERY, FLUSHES, integer, LINES, protocol, words } from "../protocol.ts";

export const bitmapAllocator = protocol({
  name: "bitmap-allocator",
  size: 64 + 4 * 128,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { add: [5, 6], remove: [5], replace: [[5, 7]] },
  longer: [[["add", 5], ["add", 6], ["remove", 5], ["add", 8]]],
  further: [["add", 9]],
  init: () => [] as number[],
  means: {
    add: (state, value: number) => [...state, value].sort(),
    remove: (state, value: number) =>
      state.filter((other, i) => other !== value || state.indexOf(value) !== i),
    replace(state, [old, value]: [number, number]) {
      return state.includes(old) ? state.with(state.indexOf(old), value).sort() : state;
    },
  },
  open(m, bug) {
    const block = (i: number) => words(m, 64 + 128 * i, 16);
    const used = () => [0, 1, 2, 3].filter((i) => integer(m, 0) & 1 << i);
    const find = (value: number) => used().find((i) => block(i)[0] === value);
    const store = (bits: number) => {
      if (bug === "bits not drained" || bug === "bits not flushed") {
        m.view(BigUint64Array, 0, 1)[0] = BigInt(bits);
        if (bug === "bits not drained") m.flush(0, 8);
        else m.drain();
      } else m.store64(0, bits);
    };
    const fill = (value: number) => {
      const i = [0, 1, 2, 3].find((i) => !used().includes(i))!;
      if (bug === "bit first") store(integer(m, 0) | 1 << i);
      block(i)[0] = value;
      block(i)[15] = value;
      m.persist(
        block(bug === "next block flushed" ? (i + 1) % 4 : i).byteOffset,
        bug === "second line not flushed" ? 64 : 128,
      );
      return 1 << i;
    };
    return {
      does: {
        add: (value: number) => store(integer(m, 0) | fill(value)),
        remove(value: number) {
          const i = find(value);
          if (i !== undefined) store(integer(m, 0) & ~(1 << i));
        },
        replace([old, value]: [number, number]) {
          const i = find(old);
          if (i === undefined) return;
          const bit = fill(value);
          if (bug === "one bit after the other") store(integer(m, 0) | bit);
          store(integer(m, 0) & ~(1 << i) | bit);
        },
      },
      look: () => used().map((i) => block(i)[0] === block(i)[15] ? block(i)[0]! : -1).sort(),
    };
  },
  bugs: {
    "bit first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "second line not flushed": {
      kind: "second line not flushed",
      models: LINES,
      fails: "torn",
      loses: [128],
    },
    "next block flushed": { kind: "wrong line flushed", models: LINES, fails: "torn", loses: [128] },
    "one bit after the other": { kind: "torn commit", models: EVERY, fails: "torn", loses: [] },
    "bits not flushed": { kind: "flush dropped", models: FLUSHES, fails: ["lost", "torn"], loses: [0] },
    "bits not drained": { kind: "acknowledged before the drain", models: DRAINS, fails: "lost", loses: [0] },
  },
});
