/**
 * Fields of a record through its accessors, against the same fields through a DataView by hand.
 *
 * @module
 */

import { open } from "../../mod.ts";
import type { Row, Side } from "../measure.ts";
import type { Place } from "../place.ts";
import { Sample, touching } from "./work.ts";

/** What one writes by hand for records at more than one place: the least that an accessor can be, as it checks nothing. */
class Wrapped {
  declare readonly view: DataView;
  declare readonly at: number;
  constructor(view: DataView, at: number) {
    this.view = view;
    this.at = at;
  }
  get flags(): number {
    return this.view.getUint8(this.at);
  }
  set flags(value: number) {
    this.view.setUint8(this.at, value);
  }
  get number(): number {
    return this.view.getUint32(this.at + 4, true);
  }
  set number(value: number) {
    this.view.setUint32(this.at + 4, value, true);
  }
  get balance(): number {
    return this.view.getFloat64(this.at + 8, true);
  }
  set balance(value: number) {
    this.view.setFloat64(this.at + 8, value, true);
  }
}

/** Reads and writes of an integer and of a number. */
export function rows({ memory }: Place): Row[] {
  const file = open(`${memory}/struct.dax`, { create: true, size: 4096, forceGranularity: "cache-line" });
  const record = Sample.at(file, 64), view = file.view(DataView, 64, 64);
  const wrapped = new Wrapped(file.view(DataView), 64);
  let kept = 0;
  const row = (name: string, ours: Side, byHand: Side, inClass: Side): Row => ({
    name: `struct: ${name}`,
    ours,
    peers: { "DataView by hand": byHand, "a class around it, unchecked": inClass },
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
    }, (count) => {
      let total = 0;
      for (let n = 0; n < count; n++) total += wrapped.balance;
      kept += total;
    }),
    row("set f64", (count) => {
      for (let n = 0; n < count; n++) record.balance = n;
    }, (count) => {
      for (let n = 0; n < count; n++) view.setFloat64(8, n, true);
    }, (count) => {
      for (let n = 0; n < count; n++) wrapped.balance = n;
    }),
    row("get and set u32", (count) => {
      for (let n = 0; n < count; n++) record.number = (record.number + 1) >>> 0;
    }, (count) => {
      for (let n = 0; n < count; n++) view.setUint32(4, (view.getUint32(4, true) + 1) >>> 0, true);
    }, (count) => {
      for (let n = 0; n < count; n++) wrapped.number = (wrapped.number + 1) >>> 0;
    }),
    row("get and set of three fields", touching(record), (count) => {
      for (let n = 0; n < count; n++) {
        view.setUint8(0, n & 255);
        view.setUint32(4, n, true);
        view.setFloat64(8, view.getFloat64(8, true) + view.getUint32(4, true), true);
      }
    }, (count) => {
      for (let n = 0; n < count; n++) {
        wrapped.flags = n & 255;
        wrapped.number = n;
        wrapped.balance = wrapped.balance + wrapped.number;
      }
    }),
    // What was summed must be used somewhere, or an engine may leave it out
  ].filter(() => !Number.isNaN(kept));
}
