// Restless neighbours: files made, written, cut, renamed and removed, so that the file system is always in the middle of something.
import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import type { Part } from "../part.ts";

const names = 24;
const noise = new Uint8Array(256 * 1024).fill(0xa5);

/** The part; it promises nothing, so there is nothing to check. */
export const churn: Part = {
  stepsPerTurn: 1,
  open(folder) {
    const path = (n: number) => `${folder}/churn.${n % names}`;
    return (n) => {
      const file = openSync(path(n * 5), "a");
      writeSync(file, noise, 0, n * 4099 % noise.length + 1);
      if (n % 3 === 0) ftruncateSync(file, n * 37 % 10_000);
      if (n % 7 === 0) fsyncSync(file);
      closeSync(file);
      if (n % 2 === 0) renameSync(path(n * 5), path(n * 11));
      if (n % 4 === 1) rmSync(path(n * 3), { force: true });
    };
  },
  check: () => undefined,
};
