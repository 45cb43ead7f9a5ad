// Which parts are tried on which machine.
import type { Part } from "./part.ts";
import { churn } from "./parts/churn.ts";
import { cycles } from "./parts/cycles.ts";
import { holes } from "./parts/holes.ts";
import { pool } from "./parts/pool.ts";
import { records } from "./parts/records.ts";
import { wordByWord } from "./parts/words.ts";

const persistent: Readonly<Record<string, Part>> = {
  holes: holes("holes", {}),
  allocated: wordByWord("allocated", {}),
  static: wordByWord("static", { static: true }),
  cycles,
  records,
  pool,
  churn,
};

/** By machine and name, in the order of the steps. On a disk each step is an msync. */
export const parts: Readonly<Record<string, Readonly<Record<string, Part>>>> = {
  ext4: persistent,
  xfs: persistent,
  disk: { records, pool, churn },
  // No MAP_SYNC there, so a cache flush alone is not enough, and the library never does with it unless it is forced to: as the
  // control is, which must lose pages, or the cuts prove nothing.
  "virtio-pmem": {
    records,
    pool,
    // For long, as each msync of the others writes back what it has left behind
    control: { ...holes("control", { forceGranularity: "cache-line" }, true), stepsPerTurn: 512 },
  },
};
