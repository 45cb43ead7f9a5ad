/**
 * Opening and reading: what must not grow with the file, and what must cost no more than plain memory.
 *
 * @module
 */

import { truncateSync, writeFileSync } from "node:fs";
import { open } from "../../mod.ts";
import type { Row } from "../measure.ts";
import type { Place } from "../place.ts";

const GiB = 2 ** 30;

/** A view against a plain typed array, and a file of 64 GiB against one of 1 GiB. */
export function rows({ memory, isShort }: Place): Row[] {
  const sparse = (gibibytes: number): string => {
    const path = `${memory}/sparse.${gibibytes}`;
    writeFileSync(path, "");
    truncateSync(path, gibibytes * GiB);
    return path;
  };
  const opening = (path: string) => (count: number) => {
    for (let n = 0; n < count; n++) open(path, { sparse: true, forceGranularity: "cache-line" }).close();
  };
  const size = isShort ? 2 ** 24 : GiB;
  const file = open(`${memory}/reading.dax`, { create: true, size, forceGranularity: "cache-line" });
  const view = file.view(Float64Array), plain = new Float64Array(size / 8);
  view.fill(1);
  plain.fill(1);
  let kept = 0;
  const summing = (numbers: Float64Array) => (count: number) => {
    let total = 0;
    for (let n = 0; n < count; n++) {
      for (let index = 0; index < numbers.length; index++) total += numbers[index]!;
    }
    kept += total;
  };
  const writing = (numbers: Float64Array) => (count: number) => {
    for (let n = 0; n < count; n++) {
      for (let index = 0; index < numbers.length; index++) numbers[index] = index + kept;
    }
  };
  return [
    {
      name: "open of 64 GiB, sparse",
      ours: opening(sparse(64)),
      peers: { "open of 1 GiB, sparse": opening(sparse(1)) },
      target: 1 / 1.5,
    },
    {
      name: `each element of ${size / 2 ** 20} MiB read through a view`,
      ours: summing(view),
      peers: { "a plain Float64Array": summing(plain) },
      target: 0.98,
      bytes: size,
    },
    {
      name: `each element of ${size / 2 ** 20} MiB written through a view`,
      ours: writing(view),
      peers: { "a plain Float64Array": writing(plain) },
      target: 0.98,
      bytes: size,
    },
  ];
}
