// Records one after another, each written and fenced by one call. The epoch is the seed of every checksum: counting it up clears the log.
// Recovery stops at the first record that does not check, and clears the word there that would make an old rest whole again.
import { bytes, DRAINS, EVERY, FLUSHES, integer, protocol, text } from "../protocol.ts";

export const epochLog = protocol({
  name: "epoch-log",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { append: ["a bit longer", "b bit longer"], clear: [undefined] },
  longer: [[["append", "a bit longer"], ["clear"], ["append", "short"]]],
  further: [["append", "c bit longer"]],
  init: () => [] as string[],
  means: { append: (state, record: string) => void state.push(record), clear: () => [] },
  open(m, bug) {
    const seed = () => bug === "one seed for all" ? 7 : integer(m, 0);
    const end = bug === "end short of the file" ? 64 + 32 : m.size;
    const records: string[] = [];
    let tail = 64;
    for (;;) {
      const length = m.recordLength(tail, end, seed());
      if (length < 0) break;
      records.push(text(m, tail + 16, length));
      tail += bug === "step without the frame" ? Math.ceil(length / 8) * 8 : 16 + Math.ceil(length / 8) * 8;
    }
    if (bug === "rest cleared, not flushed") m.view(BigUint64Array, tail, 1)[0] = 0n;
    else if (bug === "rest not cleared") bytes(m, tail, 8);
    else if (integer(m, tail) !== 0) m.store64(tail, 0);
    return {
      does: {
        append(record: string) {
          const payload = new TextEncoder().encode(record);
          m.writeRecord(tail, payload, records.length, 0, seed(), { drain: bug !== "not drained" });
          tail += 16 + Math.ceil(payload.length / 8) * 8;
          records.push(record);
        },
        clear() {
          const epoch = m.view(BigUint64Array, 0, 1);
          epoch[0]!++;
          if (bug === "epoch not flushed") m.drain();
          else if (bug === "epoch not drained") m.flush(epoch);
          else m.persist(epoch);
          tail = 64;
          records.length = 0;
        },
      },
      look: () => [...records],
    };
  },
  bugs: {
    "one seed for all": { kind: "stale generation accepted", models: EVERY, fails: "lost", loses: [] },
    "end short of the file": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: "lost",
      loses: [],
    },
    "step without the frame": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: ["lost", "not-idempotent"],
      loses: [],
    },
    "rest not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "rest cleared, not flushed": {
      kind: "recovery forgets a flush",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "not drained": { kind: "non-temporal write not drained", models: DRAINS, fails: "lost", loses: [64] },
    "epoch not flushed": { kind: "flush dropped", models: FLUSHES, fails: "lost", loses: [0] },
    "epoch not drained": { kind: "acknowledged before the drain", models: DRAINS, fails: "lost", loses: [0] },
  },
});
