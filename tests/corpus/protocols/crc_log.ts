// Records of any length, each with its length and a checksum in one word before it. A generation, part of every checksum, is
// counted up to clear the log. Recovery stops at the first record that does not check, and clears the word there.
import { bytes as bytesAt, checksum, DRAINS, EVERY, FLUSHES, protocol } from "../protocol.ts";

export const crcLog = protocol({
  name: "crc-log",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { append: ["a bit longer", "b bit longer"], clear: [undefined] },
  longer: [[["append", "a bit longer"], ["clear"], ["append", "short"]]],
  further: [["append", "c bit longer"]],
  init: () => [] as string[],
  means: { append: (state, text: string) => void state.push(text), clear: () => [] },
  open(m, bug) {
    const generation = m.view(Uint32Array, 0, 1);
    const check = (bytes: Uint8Array) => {
      const covered = bug === "check misses the end" ? bytes.subarray(0, bytes.length & ~7) : bytes;
      return checksum(
        bug === "check misses the generation" ? 0 : generation[0]!,
        bytes.length,
        ...covered,
      ) >>> 0;
    };
    const texts: string[] = [];
    let tail = 64;
    const room = (length: number) => 8 + Math.ceil(length / 8) * 8;
    while (tail < m.size) {
      const [length, stored] = m.view(Uint32Array, tail, 2);
      const isWhole = length! <= m.size - tail - 8 &&
        stored === check(bytesAt(m, tail + 8, length!));
      if (isWhole) texts.push(new TextDecoder().decode(bytesAt(m, tail + 8, length!)));
      else if (stored === 0 || bug !== "waits for the rest") break;
      if (isWhole) tail += room(length!);
    }
    if (bug !== "rest not cleared" && tail < m.size && m.view(Uint32Array, tail, 2)[1] !== 0) {
      m.write(tail, new Uint32Array(2), { drain: bug !== "cleared, not drained" });
    }
    return {
      does: {
        append(text: string) {
          const payload = new TextEncoder().encode(text);
          const bytes = new Uint8Array(room(payload.length));
          bytes.set(payload, 8);
          new Uint32Array(bytes.buffer, 0, 2).set([payload.length, check(payload)]);
          m.write(tail, bytes, { drain: bug !== "not drained" });
          tail += bytes.length;
          if (bug !== "not shown at once") texts.push(text);
        },
        clear() {
          generation[0]!++;
          if (bug !== "clear not flushed") m.flush(generation);
          m.drain();
          tail = 64;
          texts.length = 0;
        },
      },
      look: () => [...texts],
    };
  },
  bugs: {
    "check misses the end": { kind: "checksum misses a field", models: EVERY, fails: "torn", loses: [64] },
    "check misses the generation": {
      kind: "stale generation accepted",
      models: EVERY,
      fails: ["lost", "torn"],
      loses: [],
    },
    "waits for the rest": { kind: "endless recovery", models: EVERY, fails: "endless", loses: [64] },
    "rest not cleared": {
      kind: "half a record left behind",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "cleared, not drained": {
      kind: "recovery forgets a flush",
      models: DRAINS,
      fails: ["torn", "not-durable"],
      loses: [64],
      later: true,
    },
    "not drained": { kind: "non-temporal write not drained", models: DRAINS, fails: "lost", loses: [64] },
    "not shown at once": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: "further",
      loses: [],
      later: true,
    },
    "clear not flushed": { kind: "flush dropped", models: FLUSHES, fails: "lost", loses: [0] },
  },
});
