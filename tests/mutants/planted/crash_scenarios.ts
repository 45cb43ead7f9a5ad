/** Three records, which must be there after any crash. */

import type { Scenarios } from "../structures.ts";
import { Records } from "./records.ts";

export const scenarios: Scenarios = {
  append: {
    size: 512,
    workload: async (m, t) => {
      const records = new Records(m);
      for (const value of [1, 2, 3]) await t.op("append", value, () => records.append(value));
    },
    recover: (m) => new Records(m),
    observe: (records: Records) => records.all().map((record) => [...new Set(record)].join()),
    reference: { init: [] as string[], apply: (state: string[], { arg }) => [...state, String(arg)] },
  },
};
