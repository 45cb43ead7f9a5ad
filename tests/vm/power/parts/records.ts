// A log: step n appends record n, and makes room before where there is none.
import { openLog, type PersistentLog } from "../../../../src/log/mod.ts";
import type { Part } from "../part.ts";

const name = "records.log", logBytes = 128 * 1024, mostBytes = 300;

/** What record n holds: its number, as often as its length wants it. */
function contents(n: number): Uint8Array {
  return new Uint8Array(new Float64Array(n % (mostBytes / 8)).fill(n).buffer);
}

function append(log: PersistentLog, n: number): void {
  if (log.freeBytes < mostBytes) log.clear();
  const sequence = log.append(contents(n));
  if (sequence !== n) throw new Error(`record ${n} was given the number ${sequence}`);
}

/** The part. */
export const records: Part = {
  open(folder) {
    const log = openLog(`${folder}/${name}`, { create: true, size: logBytes });
    // The step that a cut interrupted may have been done
    let last = -1;
    for (const { sequence } of log) last = sequence;
    return (n) => {
      if (n > last) append(log, n);
    };
  },

  check(folder, acknowledged) {
    using log = openLog(`${folder}/${name}`);
    let next: number | undefined;
    for (const { sequence, bytes } of log) {
      if (next !== undefined && sequence !== next) return `record ${sequence} comes where ${next} should`;
      const wanted = contents(sequence);
      if (bytes.length !== wanted.length || bytes.some((byte, index) => byte !== wanted[index])) {
        return `record ${sequence} does not hold what was appended`;
      }
      next = sequence + 1;
    }
    // An empty log was cleared for the step that was cut off: that step gives the next number
    if (next === undefined) append(log, acknowledged);
    else if (next < acknowledged) return `the last record is ${next - 1}, with ${acknowledged} acknowledged`;
    else if (next > acknowledged + 1) return `record ${next - 1} was never appended`;
    return undefined;
  },
};
