// Numbered, checked records, appended as a batch by one copy with one fence: a crash leaves a first part of it. Recovery clears all that
// is behind the first gap: the next record would bring it back to life.
import { checksum, DRAINS, protocol, words } from "../protocol.ts";

export const batchAppend = protocol({
  name: "batch-append",
  size: 256,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { add: [[1, 2], [3]] },
  further: [["add", [9]]],
  init: () => [] as number[],
  means: { add: (state, values: number[]) => void state.push(...values) },
  *partial(state, { arg }) {
    const values = arg as number[];
    for (let n = 1; n < values.length; n++) yield [...state, ...values.slice(0, n)];
  },
  open(m, bug) {
    const record = (i: number) => words(m, 32 * i, 3);
    const value = (i: number) => {
      const [number, value, stored] = record(i);
      return number === i + 1 && stored === checksum(number, value!) ? value : undefined;
    };
    let values: number[] = [];
    while (values.length < 8 && value(values.length) !== undefined) values.push(value(values.length)!);
    const tail = 32 * values.length;
    if (bug === "gaps skipped") {
      values = Array.from({ length: 8 }, (_, i) => value(i)).filter((value) => value !== undefined);
    } else if (bug !== "rest not cleared" && words(m, tail, (256 - tail) / 8).some((word) => word !== 0)) {
      const length = bug === "one record cleared" ? 32 : 256 - tail;
      m.fill(tail, length, 0, { drain: bug !== "cleared, not drained" });
    }
    return {
      does: {
        add(more: number[]) {
          const records = new Float64Array(4 * more.length);
          for (const [i, value] of more.entries()) {
            const number = values.length + i + 1;
            records.set([number, value, checksum(number, value)], 4 * i);
          }
          const start = 32 * values.length;
          if (bug === "last record apart") {
            m.write(start + records.byteLength - 32, records.subarray(-4));
            if (more.length > 1) m.write(start, records.subarray(0, -4), { drain: false });
          } else m.write(start, records, { drain: bug !== "not drained" });
          values.push(...more);
        },
      },
      look: () => values,
    };
  },
  bugs: {
    "gaps skipped": { kind: "reader in the wrong order", models: DRAINS, fails: "torn", loses: [0] },
    "rest not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [0],
      later: true,
    },
    "one record cleared": {
      kind: "stale generation accepted",
      models: DRAINS,
      fails: ["torn", "not-durable", "further"],
      loses: [0],
      later: true,
    },
    "cleared, not drained": {
      kind: "recovery forgets a flush",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [0],
      later: true,
    },
    "last record apart": { kind: "acknowledged before the drain", models: DRAINS, fails: "lost", loses: [0] },
    "not drained": {
      kind: "non-temporal write not drained",
      models: DRAINS,
      fails: ["lost", "torn"],
      loses: [0],
    },
  },
});
