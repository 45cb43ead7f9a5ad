// What can be read back after a crash at the end of a program: the models, looked at from outside.
import type { Model, Region } from "../../src/testing/mod.ts";
import { explore } from "../../src/testing/explore.ts";
import { settingsOf } from "../../src/testing/options.ts";
import { record } from "../../src/testing/record.ts";

/** A program without operations. */
export interface Body {
  model?: Model;
  size?: number;
  setup?(m: Region): void;
  /** What happens before the crash. */
  run(m: Region): unknown;
  /** What is read after it; shown as text. */
  read(m: Region): unknown;
}

/** The distinct things that can be read, sorted, however the images are enumerated. */
export async function outcomes({ model = "px86", size = 8192, setup, run, read }: Body): Promise<string[]> {
  const both = await Promise.all((["lazy", "exhaustive"] as const).map(async (how) => {
    const settings = settingsOf<string, string>({
      ...{ size, model, explore: how, nested: 0, workload: run, reference: { init: "", apply: () => "" } },
      ...(setup ? { setup } : {}),
      recover: (m) => String(read(m)),
      observe: (seen) => seen,
    });
    const trace = await record(settings);
    const seen = new Set<string>();
    const only = [{ point: trace.events.length }];
    await explore(settings, trace, { only, onFailure: () => {}, onOutcome: (_, value) => seen.add(value) });
    return [...seen].sort();
  }));
  if (both[0]!.join() !== both[1]!.join()) throw new Error(`lazy saw ${both[0]}, exhaustive ${both[1]}`);
  return both[0]!;
}

/** Reads 8-byte words as numbers. */
export function words(m: Region, ...offsets: number[]): number[] {
  const view = m.view(DataView);
  return offsets.map((offset) => Number(view.getBigUint64(offset, true)));
}
