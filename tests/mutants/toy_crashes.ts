/** The crash test of the toy structure. */

import { crash } from "../../src/testing/mod.ts";
import type { Crashes } from "./structures.ts";
import type { Records } from "./toy/ring.ts";

/** Three records, of three kinds. */
export const crashes: Crashes = async (folder, weaken) => {
  const module = await import(`${folder}/ring.ts`) as { Records: typeof Records };
  await crash({
    size: 512,
    workload: async (m, t) => {
      const records = new module.Records(weaken(m));
      for (const value of [1, 2, 3]) await t.op("append", value, () => records.append(value));
    },
    recover: (m) => new module.Records(weaken(m)),
    observe: (records) => records.all().map((record) => [...new Set(record)].join()),
    reference: { init: [] as string[], apply: (state, { arg }) => [...state, String(arg)] },
  });
};
