// Every string once, one behind the other: its length in a byte, then its bytes; its place is its name. One word says how far they
// go: what is behind it does not exist.
import { DRAINS, EVERY, integer, LINES, protocol, text } from "../protocol.ts";

export const stringInterning = protocol({
  name: "string-interning",
  size: 512,
  right: ["px86", "word", "sector", "eadr"],
  wrong: {},
  operations: { intern: ["pear", "a name that is long enough to reach beyond the end of the first line"] },
  longer: [[["intern", "pear"], ["intern", "fig"], ["intern", "pear"]]],
  further: [["intern", "kiwi"]],
  init: () => [] as string[],
  means: {
    intern(state, text: string) {
      if (!state.includes(text)) state.push(text);
    },
  },
  open(m, bug) {
    const texts: string[] = [];
    let tail = 64;
    const end = () =>
      bug === "read to the first zero" && m.view(Uint8Array, tail, 1)[0] !== 0 ? m.size : integer(m, 0);
    while (tail < end()) {
      const length = m.view(Uint8Array, tail, 1)[0]!;
      texts.push(text(m, tail + 1, length));
      tail += 1 + length;
    }
    return {
      does: {
        intern(added: string) {
          if (texts.includes(added)) return;
          const bytes = new Uint8Array([added.length, ...new TextEncoder().encode(added)]);
          const next = tail + bytes.length;
          if (bug === "tail first") m.store64(0, next);
          if (bug === "written, not drained") m.write(tail, bytes, { drain: false });
          else {
            m.view(Uint8Array, tail, bytes.length).set(bytes);
            m.flush(tail, bug === "narrowed" ? Math.min(bytes.length, 64) : bytes.length);
            if (bug !== "not drained") m.drain();
          }
          m.store64(0, next);
          texts.push(added);
          tail = next;
        },
      },
      look: () => [...texts],
    };
  },
  bugs: {
    "tail first": { kind: "commit hoisted", models: EVERY, fails: "torn", loses: [] },
    "narrowed": { kind: "flush narrowed", models: LINES, fails: "torn", loses: [128] },
    "not drained": { kind: "commit before the drain", models: DRAINS, fails: "torn", loses: [64] },
    "written, not drained": {
      kind: "non-temporal write not drained",
      models: DRAINS,
      fails: "torn",
      loses: [64],
    },
    "read to the first zero": {
      kind: "reader past or short of the tail",
      models: EVERY,
      fails: "torn",
      loses: [128],
    },
  },
});
