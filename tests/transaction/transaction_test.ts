// The contract of a pool's transactions, on real files.
// machines: files

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { DaxError, open, type Region } from "../../mod.ts";
import { record, type TraceEvent } from "../../src/testing/mod.ts";
import { array, f64, struct, u32, u64, u8, utf8 } from "../../src/struct/mod.ts";
import { openPool } from "../../src/transaction/mod.ts";
import { startChild, stoppingFile, there } from "../helpers/child.ts";
import { disk, medium, memory } from "../helpers/places.ts";
import { lasting, size as tinySize } from "./subject.ts";

const size = 65536;

/** A new pool. */
function make(path: string, options: Parameters<typeof openPool>[1] = {}): ReturnType<typeof openPool> {
  return openPool(path, { create: true, size, ...options });
}

test("what is written is read back in the transaction, in the next one, through a view and after an open", () => {
  using place = medium();
  const { path } = { path: place.path() };
  {
    using pool = make(path);
    const result = pool.transaction((tx) => {
      tx.setFloat64(16, 1.5);
      return tx.getFloat64(16);
    });
    assertEquals(result, 1.5);
    assertEquals(pool.transaction((tx) => tx.getFloat64(16)), 1.5);
    assertEquals(pool.file.view(Float64Array, pool.dataOffset + 16, 1)[0], 1.5);
  }
  using pool = openPool(path);
  assertEquals(pool.transaction((tx) => tx.getFloat64(16)), 1.5);
});

test("every getter and setter is DataView's, little-endian by default, at every offset", () => {
  using place = memory();
  using pool = make(place.path());
  const plain = new DataView(new ArrayBuffer(160));
  const values: Record<string, number | bigint> = {
    Int8: -5,
    Uint8: 200,
    Int16: -300,
    Uint16: 60000,
    Int32: -70000,
    Uint32: 4e9,
    Float32: 0.5,
    Float64: Math.PI,
    BigInt64: -(2n ** 40n),
    BigUint64: 2n ** 63n,
  };
  type Access = Record<string, (at: number, ...rest: unknown[]) => unknown>;
  for (const [name, value] of Object.entries(values)) {
    for (let at = 0; at < 130; at++) {
      for (const littleEndian of [undefined, true, false]) {
        (plain as unknown as Access)[`set${name}`]!(at, value, littleEndian ?? true);
        pool.transaction((tx) => {
          const access = tx as unknown as Access;
          access[`set${name}`]!(at, value, ...littleEndian === undefined ? [] : [littleEndian]);
          const wanted = (plain as unknown as Access)[`get${name}`]!(at, littleEndian ?? true);
          assertEquals(
            access[`get${name}`]!(at, ...littleEndian === undefined ? [] : [littleEndian]),
            wanted,
          );
        });
      }
      const wanted = (plain as unknown as Access)[`get${name}`]!(at, true);
      assertEquals(
        pool.transaction((tx) => (tx as unknown as Access)[`get${name}`]!(at)),
        wanted,
        `${name} at ${at}`,
      );
    }
  }
  assertEquals(pool.file.view(Uint8Array, pool.dataOffset, 160).slice(), new Uint8Array(plain.buffer));
});

test("a value that is half staged and half in the file is read as one", () => {
  using place = memory();
  using pool = make(place.path());
  pool.transaction((tx) => tx.write(56, new Uint8Array(16).fill(1)));
  pool.transaction((tx) => {
    tx.setUint8(58, 2);
    tx.setUint8(66, 3);
    assertEquals(tx.getBigUint64(56), 0x0101_0101_0102_0101n);
    assertEquals(tx.getBigUint64(60), 0x0103_0101_0101_0101n);
    assertEquals([...tx.read(57, 11)], [1, 2, 1, 1, 1, 1, 1, 1, 1, 3, 1]);
  });
});

test("records of struct are read and staged through a transaction, and are good as long as it", () => {
  using place = memory();
  using pool = make(place.path());
  const Account = struct({
    id: u64,
    name: utf8(20),
    balance: f64,
    history: array(u32, 3),
    inner: struct({ flag: u8 }),
  });
  pool.transaction((tx) => Object.assign(tx.at(Account, 72), { id: 5n, name: "Zoë", balance: 10 }));
  const plain = Account.at(pool.file, pool.dataOffset + 72);
  assertEquals([plain.id, plain.name, plain.balance], [5n, "Zoë", 10]);
  const kept = pool.transaction((tx) => {
    const account = tx.at(Account, 72);
    account.balance += 5;
    account.history.set(1, 7);
    account.inner.flag = 3;
    account.name = "Zoë K.";
    assertEquals([account.balance, account.name, [...account.history]], [15, "Zoë K.", [0, 7, 0]]);
    assertEquals([plain.balance, plain.name, [...plain.history]], [10, "Zoë", [0, 0, 0]]);
    return account;
  });
  assertEquals([plain.balance, plain.name, [...plain.history], plain.inner.flag], [
    15,
    "Zoë K.",
    [0, 7, 0],
    3,
  ]);
  assertThrows(() => kept.balance, TypeError, "no transaction is running");
  assertThrows(() => kept.balance = 1, TypeError, "no transaction is running");
  assertThrows(() => pool.transaction((tx) => tx.at(Account, pool.dataLength - 8)), RangeError, "data area");
});

test("a throw leaves no byte changed, and is passed on", () => {
  using place = medium();
  const path = place.path();
  using pool = make(path);
  pool.transaction((tx) => tx.setFloat64(0, 1));
  const before = pool.file.view(Uint8Array).slice();
  const error = new Error("no");
  const thrown = assertThrows(() =>
    pool.transaction((tx) => {
      tx.setFloat64(0, 2);
      tx.write(100, new Uint8Array(5000).fill(1));
      throw error;
    })
  );
  assert(thrown === error);
  assertEquals(pool.file.view(Uint8Array).slice(), before);
  assertEquals(pool.transaction((tx) => tx.getFloat64(0)), 1);
});

test("a call within a call joins it; if it throws, nothing is written, even if the error is caught", () => {
  using place = medium();
  using pool = make(place.path());
  pool.transaction((tx) => {
    tx.setUint8(0, 1);
    pool.transaction((inner) => {
      assertEquals(inner.getUint8(0), 1);
      inner.setUint8(1, 2);
    });
    assertEquals(pool.file.view(Uint8Array, pool.dataOffset, 2).slice(), new Uint8Array(2));
    assertEquals(tx.getUint8(1), 2);
  });
  assertEquals([...pool.file.view(Uint8Array, pool.dataOffset, 2)], [1, 2]);
  const cause = new Error("within");
  const error = assertThrows(
    () =>
      pool.transaction((tx) => {
        tx.setUint8(0, 9);
        try {
          pool.transaction(() => {
            throw cause;
          });
        } catch { /* as a careless caller would */ }
      }),
    TypeError,
    "A transaction within this one threw",
  );
  assert(error.cause === cause);
  assertEquals(pool.transaction((tx) => tx.getUint8(0)), 1);
  pool.transaction((tx) => tx.setUint8(0, 3));
  assertEquals(pool.file.view(Uint8Array, pool.dataOffset, 1)[0], 3);
});

test("an async body is refused, and nothing of it is ever written", async () => {
  using place = medium();
  using pool = make(place.path());
  for (const nested of [false, true]) {
    // deno-lint-ignore require-await
    const body = async (tx: { setUint8(at: number, value: number): void }) => tx.setUint8(0, 1);
    assertThrows(
      () => nested ? pool.transaction(() => pool.transaction(body)) : pool.transaction(body),
      TypeError,
      "returned a promise",
    );
    assertEquals(pool.transaction((tx) => tx.getUint8(0)), 0);
  }
  // What goes on after its first await meets a transaction that has ended, and ends nobody's process by that
  let late: unknown;
  assertThrows(() =>
    pool.transaction(async (tx) => {
      await Promise.resolve();
      try {
        tx.setUint8(0, 1);
      } catch (error) {
        late = error;
        throw error;
      }
    }), TypeError);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(late instanceof TypeError);
  assertStringIncludes(late.message, "no transaction is running");
  assertEquals(pool.transaction((tx) => tx.getUint8(0)), 0);
});

test("a transaction cannot be used after its end, a pool not after close, and close not within a transaction", () => {
  using place = medium();
  const pool = make(place.path());
  const kept = pool.transaction((tx) => tx);
  for (
    const use of [
      () => kept.getUint8(0),
      () => kept.setUint8(0, 1),
      () => kept.read(0, 1),
      () => kept.write(0, new Uint8Array(1)),
    ]
  ) {
    assertThrows(use, TypeError, "no transaction is running");
  }
  assertThrows(() => pool.transaction(() => pool.close()), TypeError, "a transaction is running");
  pool.close();
  pool.close();
  assertEquals([pool.closed, pool.file.closed], [true, true]);
  assertThrows(() => pool.transaction(() => 1), TypeError, "is closed");
  assertThrows(() => kept.getUint8(0), TypeError);
});

test("offsets outside of the data area are refused, whatever they are, and change nothing", () => {
  using place = memory();
  using pool = make(place.path());
  const { dataLength } = pool;
  pool.transaction((tx) => {
    tx.setUint8(dataLength - 1, 1);
    for (const at of [-1, dataLength, dataLength - 7, 0.5, NaN, Infinity, -Infinity, 2 ** 53, -0.5]) {
      assertThrows(() => tx.setFloat64(at, 1), RangeError, "data area");
      assertThrows(() => tx.getFloat64(at), RangeError, "data area");
      assertThrows(() => tx.write(at, new Uint8Array(8)), RangeError);
      assertThrows(() => tx.read(at, 8), RangeError);
    }
    assertThrows(() => tx.read(0, -1), RangeError);
    assertThrows(() => tx.read(0, dataLength + 1), RangeError);
    assertThrows(() => tx.getUint8("0" as unknown as number), TypeError);
    assertThrows(() => tx.write(0, [1] as unknown as Uint8Array), TypeError);
    assertThrows(() => tx.setBigInt64(0, 1 as unknown as bigint), TypeError);
    assertEquals(tx.getBigInt64(0), 0n);
  });
  assertEquals(pool.file.view(Uint8Array, pool.dataOffset + dataLength - 1, 1)[0], 1);
  assertEquals(pool.transaction((tx) => tx.read(0, dataLength - 1).every((byte) => byte === 0)), true);
});

test("a value that cannot be stored stages nothing, even if its error is caught", () => {
  using place = memory();
  using pool = make(place.path());
  pool.transaction((tx) => tx.setBigUint64(0, 5n));
  pool.transaction((tx) => {
    assertThrows(() => tx.setBigUint64(0, 1 as unknown as bigint), TypeError);
    assertEquals(tx.getBigUint64(0), 5n);
  });
  assertEquals(pool.transaction((tx) => tx.getBigUint64(0)), 5n);
});

test("setting one counter a thousand times takes no more room than setting it once", () => {
  using place = memory();
  using pool = make(place.path(), { slotBytes: 64, overflowBytes: 64 });
  pool.transaction((tx) => {
    for (let i = 0; i < 1000; i++) tx.setUint32(40, tx.getUint32(40) + 1);
  });
  assertEquals(pool.transaction((tx) => tx.getUint32(40)), 1000);
});

test("a transaction too large for the pool is refused with the numbers, and nothing was written", () => {
  using place = medium();
  using pool = make(place.path(), { overflowBytes: 4096 });
  const room = pool.dataOffset - 512 - 2 * 1024 - 16;
  const before = pool.file.view(Uint8Array).slice();
  const error = assertThrows(() => pool.transaction((tx) => tx.write(0, new Uint8Array(room))), RangeError);
  assertStringIncludes(error.message, `takes ${room + 8} bytes`);
  assertStringIncludes(error.message, `room for ${room}`);
  assertEquals(pool.file.view(Uint8Array).slice(), before);
  pool.transaction((tx) => tx.write(0, new Uint8Array(room - 8).fill(1)));
  assertEquals(pool.transaction((tx) => tx.read(room - 9, 2)), Uint8Array.of(1, 0));
});

/** The drains and msyncs of some work on a pool in a recorded region. */
async function countsOf(
  model: "px86" | "sector",
  work: (pool: ReturnType<typeof openPool>) => void,
): Promise<number> {
  const events: readonly TraceEvent[] = (await record({
    size: tinySize,
    model,
    setup: (m) => void openPool(lasting(m), { create: true, slotBytes: 128, overflowBytes: 64, identity: 1 }),
    workload: (m, t) => {
      const pool = openPool(lasting(m));
      return t.op("begin", undefined, () => work(pool));
    },
  })).events;
  const begin = events.findIndex(({ kind }) => kind === "begin");
  return events.slice(begin).filter(({ kind }) => kind === "drain").length;
}

test("fences: 1 for a commit that fits into a slot, 0 for one that writes nothing, 5 for one that overflows, 3 to settle", async () => {
  for (const model of ["px86", "sector"] as const) {
    const counted = (work: Parameters<typeof countsOf>[1]) => countsOf(model, work);
    const one = (pool: ReturnType<typeof openPool>) => pool.transaction((tx) => tx.setFloat64(0, 1));
    assertEquals(await counted((pool) => one(pool)), 1);
    assertEquals(await counted((pool) => [1, 2, 3].forEach(() => one(pool))), 3);
    // The fourth begins the other slot, and what the three before changed is written back with its record
    assertEquals(await counted((pool) => [1, 2, 3, 4].forEach(() => one(pool))), 4);
    assertEquals(await counted((pool) => pool.transaction((tx) => void tx.getFloat64(0))), 0);
    const large = (pool: ReturnType<typeof openPool>) =>
      pool.transaction((tx) => tx.write(0, new Uint8Array(200).fill(1)));
    assertEquals(await counted(large), 5);
    assertEquals(await counted((pool) => (one(pool), large(pool))), 1 + 5);
    const settled = await counted((pool) => {
      one(pool);
      pool.file.persist(pool.dataOffset, 8);
      pool.file.persist(pool.dataOffset, 8);
    });
    assertEquals(settled, 1 + 3 + 2);
  }
});

test("fences, or msyncs: 3 to open a pool, 1 more where something is replayed; and to make one", async () => {
  const drains = async (model: "px86" | "sector", setup: (m: Region) => void, work: (m: Region) => void) =>
    (await record({ size: tinySize, model, setup, workload: work })).events
      .filter(({ kind }) => kind === "drain").length;
  const options = { create: true, slotBytes: 128, overflowBytes: 64, identity: 1 };
  const make = (m: Region) => void openPool(lasting(m), options),
    open = (m: Region) => void openPool(lasting(m));
  const leave = (m: Region) => {
    make(m);
    m.defer(undefined);
    openPool(lasting(m)).transaction((tx) => tx.setFloat64(0, 1));
  };
  // On page granularity the header, the first record and the mark have an msync each
  for (const [model, toMake] of [["px86", 2], ["sector", 4]] as const) {
    assertEquals(await drains(model, make, open), 3, model);
    assertEquals(await drains(model, leave, open), 3 + 1, model);
    assertEquals(await drains(model, () => {}, make), toMake + 3, model);
  }
});

test("a commit is one call of one primitive", () => {
  using place = disk();
  const calls: string[] = [];
  const file = open(place.path(), { create: true, size });
  const spied = new Proxy(file as Region, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...parameters: unknown[]) => {
        calls.push(String(name));
        return value.apply(target, parameters);
      };
    },
  });
  using pool = openPool(spied, { create: true });
  pool.transaction((tx) => tx.setFloat64(0, 1));
  calls.length = 0;
  pool.transaction((tx) => {
    tx.setFloat64(0, tx.getFloat64(0) + 1);
    tx.setFloat64(4096, 7);
  });
  assertEquals(calls, ["commit"]);
});

test("a layout's name is kept, and another one is refused with both", () => {
  using place = medium();
  const path = place.path();
  make(path, { layout: "prices 2 ✓" }).close();
  {
    using pool = openPool(path);
    assertEquals(pool.layout, "prices 2 ✓");
  }
  const error = assertThrows(() => openPool(path, { layout: "stock" }), DaxError, "EINVAL");
  assertStringIncludes(error.message, '"prices 2 ✓"');
  assertStringIncludes(error.message, '"stock"');
  assertThrows(() => make(place.path("b"), { layout: "x".repeat(129) }), RangeError, "at most 128");
  assertThrows(() => make(place.path("b"), { layout: "\ud800" }), TypeError, "half a character");
  assertThrows(() => make(place.path("b"), { layout: 5 as unknown as string }), TypeError);
  make(place.path("b"), { layout: "ß".repeat(64) }).close();
});

test("sizes that leave no room or are no multiple of 8 are refused before there is a file", () => {
  using place = medium();
  const cases: [Parameters<typeof openPool>[1], string][] = [
    [{ size: 4096 }, "8192 to"],
    [{ slotBytes: 63 }, "slotBytes 63"],
    [{ slotBytes: 65 }, "slotBytes 65"],
    [{ overflowBytes: 7 }, "overflowBytes 7"],
    [{ overflowBytes: 2 ** 31 }, "overflowBytes"],
    [{ overflowBytes: 65536 }, "no room for data"],
    [{ slotBytes: 32768 }, "no room for data"],
  ];
  for (const [options, says] of cases) {
    assertThrows(() => make(place.path(), options), RangeError, says);
    assertThrows(() => open(place.path()), DaxError, "ENOENT");
  }
  assertThrows(() => openPool(place.path(), { create: true }), TypeError, "without a size");
});

test("a file that is something else is never made into a pool, and one of zeros only if that is asked", () => {
  using place = medium();
  const path = place.path();
  const other = new Uint8Array(size);
  for (const at of [0, 7, 30, 199, 210, 300, 530, 1600, 20000, size - 1]) {
    other.fill(0);
    other[at] = 77;
    writeFileSync(path, other);
    assertThrows(() => openPool(path, { create: true, layout: "a" }), DaxError, "not a pool");
    assertEquals(new Uint8Array(readFileSync(path)), other);
  }
  writeFileSync(path, new Uint8Array(size));
  assertThrows(() => openPool(path), DaxError, "begins with zeros");
  openPool(path, { create: true, layout: "a" }).close();
  using pool = openPool(path, { create: true, size, layout: "a" });
  assertEquals(pool.layout, "a");
});

test("a file whose creation did not end says so, and is made again with whatever sizes", () => {
  using place = medium();
  const path = place.path();
  make(path, { layout: "a", slotBytes: 512 }).close();
  const bytes = readFileSync(path);
  bytes.set(new TextEncoder().encode("DAXFPOOL"));
  writeFileSync(path, bytes);
  // It was opened since, so its first bytes are what is wrong
  assertThrows(() => openPool(path, { create: true, layout: "a" }), DaxError, "what follows is not empty");
  writeFileSync(path, bytes.fill(0, 528));
  for (const options of [{}, { readOnly: true }]) {
    const error = assertThrows(() => openPool(path, options), DaxError, "its creation did not end");
    assertStringIncludes(error.hint!, "create: true");
  }
  using pool = openPool(path, { create: true, layout: "b", slotBytes: 1024 });
  assertEquals(pool.layout, "b");
  assertEquals(pool.transaction((tx) => tx.getUint8(0)), 0);
});

test("exclusive refuses a pool that is there, and readOnly refuses writes and nothing else", () => {
  using place = medium();
  const path = place.path();
  {
    using pool = make(path, { exclusive: true });
    pool.transaction((tx) => tx.setUint8(3, 4));
  }
  assertThrows(() => make(path, { exclusive: true }), DaxError, "EEXIST");
  using pool = openPool(path, { readOnly: true });
  assertEquals(pool.transaction((tx) => tx.getUint8(3)), 4);
  assertEquals(pool.transaction(() => "nothing"), "nothing");
  const error = assertThrows(() => pool.transaction((tx) => tx.setUint8(3, 5)), DaxError);
  assertEquals(error.code, "EACCES");
});

test("a pool that was never closed shows everything to an open that only reads, which leaves the file as it is", () => {
  using place = medium();
  const path = place.path();
  const pool = make(path);
  pool.transaction((tx) => tx.write(10, new Uint8Array([1, 2, 3])));
  pool.file.close(); // as a process that ends does: nothing settles
  const bytes = readFileSync(path);
  // As if the power had failed before what was changed in place was written back
  bytes.fill(0, pool.dataOffset);
  writeFileSync(path, bytes);
  {
    using reader = openPool(path, { readOnly: true });
    assertEquals([...reader.transaction((tx) => tx.read(9, 5))], [0, 1, 2, 3, 0]);
    assertEquals([...reader.file.view(Uint8Array, reader.dataOffset + 9, 5)], [0, 1, 2, 3, 0]);
  }
  assert(readFileSync(path).equals(bytes));
  using writer = openPool(path);
  assertEquals([...writer.transaction((tx) => tx.read(9, 5))], [0, 1, 2, 3, 0]);
  assert(!readFileSync(path).equals(bytes));
});

test("while a pool is open to write, nobody else opens it", () => {
  using place = medium();
  const path = place.path();
  using _pool = make(path);
  for (const options of [{}, { readOnly: true }]) {
    assertEquals(assertThrows(() => openPool(path, options), DaxError).code, "EBUSY");
  }
});

test("a reader in another process is refused, by name, while a writer is stopped anywhere in its recovery", {
  timeout: 60_000,
}, async () => {
  using place = memory();
  const path = place.path();
  const pool = make(path);
  pool.transaction((tx) => tx.setFloat64(0, 7));
  pool.file.close(); // as a process that ends does
  await using writer = startChild(
    `
    import { open } from "@daxfile/daxfile";
    import { openPool } from "@daxfile/daxfile/transaction";
    ${stoppingFile}
    const pool = openPool(stopping(open(${JSON.stringify(path)}, { forceGranularity: "cache-line" })));
    pool.close();
    console.log("done");
  `,
    { runtime: there },
  );
  const stops: string[] = [];
  for (let where; (where = await writer.line()) !== "done"; writer.send("")) {
    stops.push(where);
    const error = assertThrows(
      () => openPool(path, { readOnly: true }),
      DaxError,
      "another opener holds a lock",
    );
    assertEquals([error.code, error.path], ["EBUSY", path]);
  }
  assertEquals([stops[0], stops.includes("before writeRecord")], ["before persist", true]);
  using reader = openPool(path, { readOnly: true });
  assertEquals(reader.transaction((tx) => tx.getFloat64(0)), 7);
});

test("options that do not fit are refused", () => {
  using place = medium();
  using file = open(place.path(), { create: true, size });
  assertThrows(() => openPool(file as Region, { readOnly: true }), TypeError, "readOnly");
  assertThrows(() => openPool(place.path(), { unknown: 1 } as never), TypeError, "unknown");
  assertThrows(() => openPool(place.path(), null as never), TypeError);
});

test("a pool larger than a view can be is written and read on both sides of the limit", () => {
  using place = memory();
  const GiB = 2 ** 30;
  using pool = openPool(place.path(), { create: true, size: GiB + 2 ** 27, sparse: true });
  pool.transaction((tx) => {
    tx.setBigUint64(GiB - 4, 0x1122_3344_5566_7788n);
    tx.write(GiB + 100, new Uint8Array([1, 2, 3]));
    assertEquals(tx.getBigUint64(GiB - 4), 0x1122_3344_5566_7788n);
  });
  assertEquals(pool.transaction((tx) => tx.getBigUint64(GiB - 4)), 0x1122_3344_5566_7788n);
  assertEquals(pool.transaction((tx) => tx.getUint32(GiB)), 0x1122_3344);
  assertEquals(pool.transaction((tx) => [...tx.read(GiB - 2, 4)]), [0x66, 0x55, 0x44, 0x33]);
  assertEquals(pool.transaction((tx) => [...tx.read(GiB + 99, 5)]), [0, 1, 2, 3, 0]);
  const last = pool.dataLength - 20000;
  pool.transaction((tx) => tx.write(last, new Uint8Array(20000).fill(9)));
  assertEquals(pool.transaction((tx) => tx.getUint8(pool.dataLength - 1)), 9);
});
