// Several records with one fence. Each one's checksum continues that of the one before, and carries the number of the opening that wrote
// it: so a record whose forerunner was lost stays lost, though the same forerunner be written again. A torn one is cleared.
import { DRAINS, EVERY, integer, protocol, text } from "../protocol.ts";

export const chainedLog = protocol({
  name: "chained-log",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { append: [["a", "b"], ["a"]] },
  further: [["append", ["a"]]],
  init: () => [] as string[],
  means: { append: (state, records: string[]) => void state.push(...records) },
  // A batch may be there in part, from its beginning on.
  partial: (state, { arg }) => (arg as string[]).map((_, i) => state.concat((arg as string[]).slice(0, i))),
  open(m, bug) {
    const records: string[] = [];
    let tail = 64, chain = 1;
    const follow = (byteLength: number) => {
      if (bug !== "not chained") chain = m.view(Uint32Array, tail, 2)[1]!;
      tail += 16 + Math.ceil(byteLength / 8) * 8;
    };
    for (let length; (length = m.recordLength(tail, m.size, chain)) >= 0;) {
      records.push(text(m, tail + 16, length));
      follow(length);
    }
    if (bug !== "rest not cleared" && integer(m, tail) !== 0) m.store64(tail, 0);
    const opening = integer(m, 0) + 1;
    if (bug === "opening not flushed") m.view(BigUint64Array, 0, 1)[0] = BigInt(opening);
    else if (bug !== "openings not counted") m.store64(0, opening);
    return {
      does: {
        append(added: string[]) {
          const before = tail;
          const last = bug === "last not drained" ? added.length : added.length - 1;
          added.forEach((record, i) => {
            const payload = new TextEncoder().encode(record);
            const low = bug === "opening not in the record" ? 0 : opening;
            m.writeRecord(tail, payload, low, 0, chain, { drain: i === last });
            if (bug === "forerunner overwritten") m.writeRecord(before, payload, low, 0, chain);
            follow(payload.length);
          });
          records.push(...added);
        },
      },
      look: () => [...records],
    };
  },
  bugs: {
    "not chained": {
      kind: "stale generation accepted",
      models: DRAINS,
      fails: ["torn", "not-durable", "further"],
      loses: [64],
      later: true,
    },
    "openings not counted": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable", "further"],
      loses: [64],
      later: true,
    },
    "opening not in the record": {
      kind: "checksum misses a field",
      models: DRAINS,
      fails: ["torn", "not-durable", "further"],
      loses: [64],
      later: true,
    },
    "opening not flushed": {
      kind: "recovery forgets a flush",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [0, 64],
      later: true,
    },
    "rest not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "last not drained": { kind: "drain dropped", models: DRAINS, fails: ["lost", "torn"], loses: [64] },
    "forerunner overwritten": { kind: "reused too early", models: EVERY, fails: "lost", loses: [] },
  },
});
