// The rules of each persistency model, one by one.
// machines: none, what it looks at are simulated crashes

import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Region } from "../../src/testing/mod.ts";
import { Choices } from "../../src/testing/choices.ts";
import { Memory } from "../../src/testing/memory.ts";
import { outcomes, words } from "./outcomes.ts";

const store = (m: Region, offset: number, value: number) => {
  m.view(BigUint64Array, offset, 1)[0] = BigInt(value);
};
/** 0 and 8 lie in one line, 64 in the next, 512 in the next sector. */
const inOneLine = (m: Region) => words(m, 0, 8);
const inTwoLines = (m: Region) => words(m, 0, 64);

test("px86: of the stores to one line a prefix survives", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 8, 2);
    store(m, 0, 3);
  };
  assertEquals(await outcomes({ run, read: inOneLine }), ["0,0", "1,0", "1,2", "3,2"]);
});

test("px86: lines are lost independently", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 64, 2);
  };
  assertEquals(await outcomes({ run, read: inTwoLines }), ["0,0", "0,2", "1,0", "1,2"]);
});

test("px86: a line can be written back before any flush, and a word that went 1 and back to 0 is seen as 1", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 0, 0);
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0) }), ["0", "1"]);
});

test("px86: a flush promises nothing before a drain", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.flush(0, 8);
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0) }), ["0", "1"]);
});

test("px86: a drain makes durable what the flush found, not what came after it", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.flush(0, 8);
    store(m, 0, 2);
    store(m, 8, 3);
    m.drain();
  };
  assertEquals(await outcomes({ run, read: inOneLine }), ["1,0", "2,0", "2,3"]);
});

test("px86: a drain without a flush makes nothing durable", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.drain();
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0) }), ["0", "1"]);
});

test("px86: a flush of one byte takes its whole line, and no more", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 8, 2);
    store(m, 64, 3);
    m.persist(63, 1);
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0, 8, 64) }), ["1,2,0", "1,2,3"]);
});

test("px86: a flush across a boundary takes both lines", async () => {
  const run = (m: Region) => {
    store(m, 56, 1);
    store(m, 64, 2);
    m.persist(60, 8);
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 56, 64) }), ["1,2"]);
});

test("px86: an aligned store of 8 bytes is not torn", async () => {
  const run = (m: Region) => {
    m.view(Float64Array, 8, 1)[0] = NaN;
  };
  assertEquals(await outcomes({ run, read: (m) => m.view(Float64Array, 8, 1)[0] }), ["0", "NaN"]);
});

test("px86: a store across an 8-byte boundary is torn, either half first", async () => {
  const run = (m: Region) => m.view(DataView).setBigUint64(4, 0x0000_0002_0000_0001n, true);
  const read = (m: Region) => [m.view(DataView).getUint32(4, true), m.view(DataView).getUint32(8, true)];
  assertEquals(await outcomes({ run, read }), ["0,0", "0,2", "1,0", "1,2"]);
});

test("px86: a torn store still comes before the next store to its line", async () => {
  const run = (m: Region) => {
    m.view(DataView).setUint16(7, 0x0101);
    store(m, 16, 1);
  };
  const read = (m: Region) => [...m.view(Uint8Array, 7, 2), ...words(m, 16)];
  assertEquals(await outcomes({ run, read }), ["0,0,0", "0,1,0", "1,0,0", "1,1,0", "1,1,1"]);
});

test("px86: a copy through a view tears word by word, but stays between the stores around it", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.view(BigUint64Array, 8, 2).set([1n, 1n]);
    store(m, 24, 1);
  };
  const read = (m: Region) => words(m, 0, 8, 16, 24);
  assertEquals(await outcomes({ run, read }), [
    "0,0,0,0",
    "1,0,0,0",
    "1,0,1,0",
    "1,1,0,0",
    "1,1,1,0",
    "1,1,1,1",
  ]);
});

test("px86: a copy through a view needs a flush", async () => {
  const run = (m: Region) => {
    m.view(BigUint64Array, 0, 1).fill(1n);
    m.drain();
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0) }), ["0", "1"]);
});

test("px86: write() is durable on return", async () => {
  const run = (m: Region) => m.write(60, new Uint8Array(8).fill(1));
  assertEquals(await outcomes({ run, read: (m) => m.view(Uint8Array, 60, 8) }), ["1,1,1,1,1,1,1,1"]);
});

test("px86: write() without a drain is in no order, not even within its line", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.write(8, new BigUint64Array([1n, 1n]), { drain: false });
  };
  const all = ["0,0,0", "0,0,1", "0,1,0", "0,1,1", "1,0,0", "1,0,1", "1,1,0", "1,1,1"];
  assertEquals(await outcomes({ run, read: (m) => words(m, 0, 8, 16) }), all);
});

test("px86: a drain alone makes write() durable, but not an earlier store to the same line", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.write(8, new BigUint64Array([1n]), { drain: false });
    m.drain();
  };
  assertEquals(await outcomes({ run, read: inOneLine }), ["0,1", "1,1"]);
});

test("px86: write() through the cache follows the stores before it, and flushes its lines", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.write(8, new BigUint64Array([1n]), { nontemporal: false, drain: false });
  };
  assertEquals(await outcomes({ run, read: inOneLine }), ["0,0", "1,0", "1,1"]);
  const drained = (m: Region) => {
    run(m);
    m.drain();
  };
  assertEquals(await outcomes({ run: drained, read: inOneLine }), ["1,1"]);
});

test("px86: of a non-temporal and an ordinary store to one word, the later one wins if both survive", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.write(0, new BigUint64Array([2n]), { drain: false });
    store(m, 0, 3);
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0) }), ["0", "1", "2", "3"]);
  const drained = (m: Region) => {
    run(m);
    m.drain();
  };
  assertEquals(await outcomes({ run: drained, read: (m) => words(m, 0) }), ["2", "3"]);
});

test("px86: fill() is as write()", async () => {
  const run = (m: Region) => m.fill(0, 16, 1);
  const torn = (m: Region) => m.fill(0, 16, 1, { drain: false });
  const read = (m: Region) => [m.view(Uint8Array)[0], m.view(Uint8Array)[8]];
  assertEquals(await outcomes({ run, read }), ["1,1"]);
  assertEquals(await outcomes({ run: torn, read }), ["0,0", "0,1", "1,0", "1,1"]);
});

test("px86: store64 is durable on return, and so is what was flushed before it; nothing else", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 64, 1);
    m.flush(64, 8);
    m.store64(8, 1);
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0, 8, 64) }), ["0,1,1", "1,1,1"]);
});

test("store64 keeps every value of 64 bits", async () => {
  for (const value of [-1n, -(2n ** 63n), 2n ** 64n - 1n, 2n ** 53n, 0n]) {
    const read = (m: Region) => m.view(BigUint64Array, 8, 1)[0];
    assertEquals(await outcomes({ run: (m) => m.store64(8, value), read }), [
      String(BigInt.asUintN(64, value)),
    ]);
  }
  const read = (m: Region) => m.view(BigInt64Array, 8, 1)[0];
  assertEquals(await outcomes({ run: (m) => m.store64(8, -5), read }), ["-5"]);
});

test("px86: sync() covers what was stored before it was called", async () => {
  const run = async (m: Region) => {
    store(m, 0, 1);
    const done = m.sync();
    store(m, 64, 1);
    await done;
  };
  assertEquals(await outcomes({ run, read: inTwoLines }), ["1,0", "1,1"]);
});

/** A store, a sync that covers it, and what is done before the word at 4096 says that it is durable. */
const synced = (between: (m: Region, sync: Promise<void>) => unknown) => async (m: Region) => {
  store(m, 0, 1);
  await between(m, m.sync());
  m.store64(4096, 1);
};

for (const model of ["px86", "word", "sector", "eadr"] as const) {
  const read = (m: Region) => words(m, 0, 4096);
  const see = (between: Parameters<typeof synced>[0]) => outcomes({ model, run: synced(between), read });

  test(`${model}: a sync() that is awaited is durable, however it is awaited`, async () => {
    assertEquals(await see((_, sync) => sync), ["1,1"]);
    assertEquals(await see((_, sync) => Promise.all([sync, 1])), ["1,1"]);
    assertEquals(await see((m, sync) => (m.persist(8192 - 64, 8), sync)), ["1,1"]);
  });

  test(`${model}: a sync() that is not awaited promises nothing, whatever else is drained`, async () => {
    // Only where all caches survive does another drain cover what sync would have.
    const lost = model === "eadr" ? ["1,1"] : ["0,1", "1,1"];
    assertEquals(await see(() => undefined), lost);
    assertEquals(await see((m) => m.persist(4096, 8)), lost);
    assertEquals(await see(() => Promise.resolve().then(() => Promise.resolve())), lost);
  });
}

test("px86: a sync() waits for no other flush, and for no store past the cache that came after it", async () => {
  const run = async (m: Region) => {
    const done = m.sync();
    store(m, 0, 1);
    m.flush(0, 8);
    m.write(64, new BigUint64Array([1n]), { drain: false });
    await done;
  };
  assertEquals(await outcomes({ run, read: inTwoLines }), ["0,0", "0,1", "1,0", "1,1"]);
});

test("px86: a sync() covers what went past the cache before it, and two of them each their own", async () => {
  const run = async (m: Region) => {
    m.write(0, new BigUint64Array([1n]), { drain: false });
    const first = m.sync();
    store(m, 64, 1);
    const second = m.sync();
    await first;
    m.store64(4096, 1);
    await second;
    m.store64(4096, 2);
  };
  const read = (m: Region) => words(m, 0, 64, 4096);
  assertEquals(await outcomes({ run, read }), ["1,1,2"]);
});

test("px86: a sync() that ends after its line was made durable and stored to again takes nothing back", async () => {
  const run = async (m: Region) => {
    store(m, 0, 1);
    const done = m.sync();
    store(m, 0, 2);
    m.persist(0, 8);
    store(m, 64, 3);
    await done;
  };
  assertEquals(await outcomes({ run, read: inTwoLines }), ["2,0", "2,3"]);
});

test("px86: the end of a sync() does not cover a store past the cache that came later to the same line", async () => {
  const run = async (m: Region) => {
    store(m, 0, 1);
    const done = m.sync();
    m.write(8, new BigUint64Array([1n]), { drain: false });
    await done;
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0, 8) }), ["1,0", "1,1"]);
});

test("px86: the end of a sync() does not undo what was made durable since", async () => {
  const run = async (m: Region) => {
    store(m, 0, 1);
    const done = m.sync();
    m.persist(0, 8);
    store(m, 0, 2);
    m.persist(0, 8);
    await done;
  };
  assertEquals(await outcomes({ run, read: (m) => words(m, 0) }), ["2"]);
});

test("a sync() that was begun in one run ends in no other", () => {
  const memory = new Memory(64);
  memory.begin([], [], new Choices());
  const end = memory.sync();
  memory.end(new Uint8Array(64));
  memory.begin([], [], new Choices());
  end();
  assertEquals(memory.events, []);
});

test("deepFlush() is durable on return in every model", async () => {
  for (const model of ["px86", "word", "sector", "eadr"] as const) {
    const run = (m: Region) => {
      store(m, 0, 1);
      m.deepFlush(0, 8);
    };
    assertEquals(await outcomes({ model, run, read: (m) => words(m, 0) }), ["1"]);
  }
});

test("what setup leaves is durable", async () => {
  const setup = (m: Region) => store(m, 0, 7);
  assertEquals(await outcomes({ setup, run: () => {}, read: (m) => words(m, 0) }), ["7"]);
});

test("word: the words of a line are lost independently, each word in order", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 0, 2);
    store(m, 8, 3);
  };
  assertEquals(await outcomes({ model: "word", run, read: inOneLine }), [
    "0,0",
    "0,3",
    "1,0",
    "1,3",
    "2,0",
    "2,3",
  ]);
});

test("word: a flush still takes the whole line", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 56, 2);
    m.persist(8, 8);
  };
  assertEquals(await outcomes({ model: "word", run, read: (m) => words(m, 0, 56) }), ["1,2"]);
});

test("sector: 512 bytes are in order, sectors are not", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 504, 2);
    store(m, 512, 3);
  };
  const expected = ["0,0,0", "0,0,3", "1,0,0", "1,0,3", "1,2,0", "1,2,3"];
  assertEquals(await outcomes({ model: "sector", run, read: (m) => words(m, 0, 504, 512) }), expected);
});

test("sector: flush is msync: durable on return, whole pages, no drain needed", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 4088, 2);
    store(m, 4096, 3);
    m.flush(0, 1);
  };
  const read = (m: Region) => words(m, 0, 4088, 4096);
  assertEquals(await outcomes({ model: "sector", run, read }), ["1,2,0", "1,2,3"]);
});

test("sector: drain() alone does nothing", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.drain();
  };
  assertEquals(await outcomes({ model: "sector", run, read: (m) => words(m, 0) }), ["0", "1"]);
});

test("sector: write() and store64() are durable on return, whether or not they drain", async () => {
  const run = (m: Region) => {
    m.write(0, new BigUint64Array([1n]), { drain: false });
    m.store64(512, 2);
  };
  assertEquals(await outcomes({ model: "sector", run, read: (m) => words(m, 0, 512) }), ["1,2"]);
});

test("sector: a copy can be torn between any two of its words", async () => {
  const run = (m: Region) => m.view(BigUint64Array, 0, 2).fill(1n);
  assertEquals(await outcomes({ model: "sector", run, read: inOneLine }), ["0,0", "1,0", "1,1"]);
});

test("eadr: a prefix of all stores survives, wherever they are", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    store(m, 4096, 2);
    store(m, 8, 3);
  };
  const read = (m: Region) => words(m, 0, 4096, 8);
  assertEquals(await outcomes({ model: "eadr", run, read }), ["0,0,0", "1,0,0", "1,2,0", "1,2,3"]);
});

test("eadr: a drain needs no flush, and covers non-temporal stores", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.write(64, new BigUint64Array([1n]), { drain: false });
    m.drain();
  };
  assertEquals(await outcomes({ model: "eadr", run, read: inTwoLines }), ["1,1"]);
});

test("eadr: non-temporal stores are in no order", async () => {
  const run = (m: Region) => {
    m.write(64, new BigUint64Array([1n]), { drain: false });
    store(m, 0, 1);
  };
  assertEquals(await outcomes({ model: "eadr", run, read: inTwoLines }), ["0,0", "0,1", "1,0", "1,1"]);
});

test("eadr: a flush is not a fence", async () => {
  const run = (m: Region) => {
    store(m, 0, 1);
    m.flush(0, 8);
  };
  assertEquals(await outcomes({ model: "eadr", run, read: (m) => words(m, 0) }), ["0", "1"]);
});
