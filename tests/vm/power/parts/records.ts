// A log: each step appends a record, every tenth one three together, and makes room before where there is none.
import { openLog, type PersistentLog } from "../../../../src/log/mod.ts";
import type { Part } from "../part.ts";

const name = "records.log", logBytes = 128 * 1024, mostBytes = 300, together = 3;

/** The number of the first record that a step appends: step 0 has three, and so have 10, 20 and so on. */
const firstOf = (step: number) => step + (together - 1) * Math.ceil(step / 10);

/** What record n holds: its number, as often as its length wants it. */
function contents(n: number): Uint8Array {
  return new Uint8Array(new Float64Array(n % (mostBytes / 8)).fill(n).buffer);
}

/** Does a step, or what a cut has left of it to do. */
function append(log: PersistentLog, step: number): void {
  const next = log.appendAll([]), end = firstOf(step + 1);
  if (next < firstOf(step) || next > end) throw new Error(`step ${step} would append record ${next}`);
  if (log.freeBytes < together * (mostBytes + 24)) log.clear();
  const records = Array.from({ length: end - next }, (_, index) => contents(next + index));
  if (records.length === 1) log.append(records[0]!);
  else log.appendAll(records);
}

/** The part. */
export const records: Part = {
  open(folder) {
    const log = openLog(`${folder}/${name}`, { create: true, size: logBytes });
    return (n) => append(log, n);
  },

  check(folder, acknowledged) {
    using log = openLog(`${folder}/${name}`);
    const next = log.appendAll([]);
    let number = next - log.length;
    for (const { sequence, bytes } of log) {
      if (sequence !== number) return `record ${sequence} comes where ${number} should`;
      const wanted = contents(sequence);
      if (bytes.length !== wanted.length || bytes.some((byte, index) => byte !== wanted[index])) {
        return `record ${sequence} does not hold what was appended`;
      }
      number++;
    }
    if (number !== next) return `the records end at ${number}, and the next one will be ${next}`;
    // Of the step that was cut off there may be some
    if (next < firstOf(acknowledged)) {
      return `the last record is ${next - 1}, with ${acknowledged} steps acknowledged`;
    }
    if (next > firstOf(acknowledged + 1)) return `record ${next - 1} was never appended`;
    return undefined;
  },
};
