// A pool: step n is one transaction that sets words on several pages to n + 1.
import { openPool } from "../../../../src/transaction/mod.ts";
import type { Part } from "../part.ts";

const name = "words.pool", poolBytes = 256 * 1024;

/** Two of them share a line, the others are pages apart. */
const places = [0, 8, 4096, 65_528, 100_000];

/** The part. */
export const pool: Part = {
  open(folder) {
    const pool = openPool(`${folder}/${name}`, { create: true, size: poolBytes });
    return (n) => {
      pool.transaction((tx) => {
        for (const place of places) tx.setFloat64(place, n + 1);
      });
    };
  },

  check(folder, acknowledged) {
    using pool = openPool(`${folder}/${name}`);
    const found = pool.transaction((tx) => places.map((place) => tx.getFloat64(place)));
    if (found.some((value) => value !== found[0])) return `the words are of several transactions: ${found}`;
    if (found[0] !== acknowledged && found[0] !== acknowledged + 1) {
      return `the words are ${found[0]}, with ${acknowledged} transactions acknowledged`;
    }
    return undefined;
  },
};
