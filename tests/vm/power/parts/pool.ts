// A pool: step n is one transaction that sets words on several pages to n + 1; some also write more than a slot takes, and after some a
// word that a transaction has set before is stored directly.
import { openPool, type Pool } from "../../../../src/transaction/mod.ts";
import type { Part } from "../part.ts";

const name = "words.pool", poolBytes = 256 * 1024;

/** Two of them share a line, the others are pages apart. */
const places = [0, 8, 4096, 65_528, 100_000];

/** The word that is set in a transaction of every fourth step, and directly in the step after that. */
const shared = 16;

/** The bytes that every fourth step writes, more than a slot of this pool takes. */
const block = 8192, blockBytes = 6000;

/** The value that so many steps leave in the shared word, and in the block. */
const latest = (steps: number, ...turns: number[]): number => {
  for (let n = steps - 1; n >= 0; n--) if (turns.includes(n % 4)) return n + 1;
  return 0;
};

function step(pool: Pool, n: number): void {
  pool.transaction((tx) => {
    for (const place of places) tx.setFloat64(place, n + 1);
    if (n % 4 === 0) tx.setFloat64(shared, n + 1);
    if (n % 4 === 3) tx.write(block, new Uint8Array(blockBytes).fill(n + 1));
  });
  if (n % 4 !== 1) return;
  pool.file.view(Float64Array, pool.dataOffset + shared, 1)[0] = n + 1;
  pool.file.persist(pool.dataOffset + shared, 8);
}

/** The part. */
export const pool: Part = {
  open(folder) {
    const pool = openPool(`${folder}/${name}`, { create: true, size: poolBytes });
    return (n) => step(pool, n);
  },

  check(folder, acknowledged) {
    using pool = openPool(`${folder}/${name}`);
    const { found, direct, bytes } = pool.transaction((tx) => ({
      found: places.map((place) => tx.getFloat64(place)),
      direct: tx.getFloat64(shared),
      bytes: tx.read(block, blockBytes),
    }));
    const [steps = 0] = found;
    if (found.some((value) => value !== steps)) return `the words are of several transactions: ${found}`;
    if (steps !== acknowledged && steps !== acknowledged + 1) {
      return `the words are ${steps}, with ${acknowledged} transactions acknowledged`;
    }
    // The step that was cut off may have come to its transaction and not to its direct store
    const allowed = [latest(steps, 0, 1), ...(steps > acknowledged ? [latest(acknowledged, 0, 1)] : [])];
    if (!allowed.includes(direct)) {
      return `the shared word is ${direct} and not ${allowed}, after ${steps} steps`;
    }
    const wanted = latest(steps, 3) & 255;
    if (bytes.some((byte) => byte !== wanted)) {
      return `the block is not ${wanted} everywhere, after ${steps} steps`;
    }
    return undefined;
  },
};
