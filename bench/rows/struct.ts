/**
 * Fields of a record through its accessors, against the same fields through a DataView by hand.
 *
 * @module
 */

import { open } from "../../mod.ts";
import type { Row, Side } from "../measure.ts";
import type { Place } from "../place.ts";
import { Sample, touching } from "./work.ts";

/** Reads and writes of an integer and of a number. */
export function rows({ memory }: Place): Row[] {
  const file = open(`${memory}/struct.dax`, { create: true, size: 4096, forceGranularity: "cache-line" });
  const record = Sample.at(file, 64), view = file.view(DataView, 64, 64);
  let kept = 0;
  const row = (name: string, ours: Side, byHand: Side): Row => ({
    name: `struct: ${name}`,
    ours,
    peers: { "DataView by hand": byHand },
    target: 0.9,
  });
  return [
    row("get f64", (count) => {
      let total = 0;
      for (let n = 0; n < count; n++) total += record.balance;
      kept += total;
    }, (count) => {
      let total = 0;
      for (let n = 0; n < count; n++) total += view.getFloat64(8, true);
      kept += total;
    }),
    row("set f64", (count) => {
      for (let n = 0; n < count; n++) record.balance = n;
    }, (count) => {
      for (let n = 0; n < count; n++) view.setFloat64(8, n, true);
    }),
    row("get and set u32", (count) => {
      for (let n = 0; n < count; n++) record.number = (record.number + 1) >>> 0;
    }, (count) => {
      for (let n = 0; n < count; n++) view.setUint32(4, (view.getUint32(4, true) + 1) >>> 0, true);
    }),
    row("get and set of three fields", touching(record), (count) => {
      for (let n = 0; n < count; n++) {
        view.setUint8(0, n & 255);
        view.setUint32(4, n, true);
        view.setFloat64(8, view.getFloat64(8, true) + view.getUint32(4, true), true);
      }
    }),
    // What was summed must be used somewhere, or an engine may leave it out
  ].filter(() => !Number.isNaN(kept));
}
