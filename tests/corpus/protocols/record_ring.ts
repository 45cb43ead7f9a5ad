// The last three values, in four places used in turn: a record with its number in each, so that one may be torn while three are whole.
// Recovery shows what follows on without a gap, and clears the word that would make a torn record whole again.
import { DRAINS, EVERY, integer, protocol, words } from "../protocol.ts";

const SEED = 11, PLACES = 4;

export const recordRing = protocol({
  name: "record-ring",
  size: 4 * 64,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { add: [5, 6] },
  longer: [[["add", 1], ["add", 2], ["add", 3], ["add", 4], ["add", 5]]],
  further: [["add", 7]],
  init: () => [] as number[],
  means: { add: (state, value: number) => [...state, value].slice(-3) },
  open(m, bug) {
    const places = bug === "three places" ? 3 : PLACES, shown = bug === "shows four" ? 4 : 3;
    const found = new Map<number, number>();
    for (let place = 0; place < places; place++) {
      const at = 64 * place;
      if (m.recordLength(at, at + 64, SEED) >= 0) {
        found.set(m.view(Uint32Array, at, 4)[2]!, words(m, at + 16, 1)[0]!);
      } else if (bug !== "rest not cleared" && integer(m, at) !== 0) m.store64(at, 0);
    }
    let number = bug === "counts what it finds" ? found.size : Math.max(0, ...found.keys());
    const add = (value: number) => {
      number++;
      const payload = new Uint8Array(new Float64Array([value]).buffer);
      const at = 64 * (number % places), drain = bug !== "not drained";
      m.writeRecord(at, payload, bug === "not numbered" ? 1 : number, 0, SEED, { drain });
      found.set(number, value);
    };
    return {
      does: { add },
      look() {
        const values: number[] = [];
        for (let i = number; i > 0 && values.length < shown && found.has(i); i--) {
          values.unshift(found.get(i)!);
        }
        return values;
      },
    };
  },
  bugs: {
    "three places": { kind: "reused too early", models: EVERY, fails: ["lost", "torn"], loses: [64] },
    "shows four": { kind: "reader past or short of the tail", models: EVERY, fails: "torn", loses: [] },
    "rest not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "counts what it finds": { kind: "wrap-around", models: EVERY, fails: "torn", loses: [64] },
    "not drained": { kind: "non-temporal write not drained", models: DRAINS, fails: "lost", loses: [64] },
    "not numbered": { kind: "wrap-around", models: EVERY, fails: ["lost", "torn"], loses: [] },
  },
});
