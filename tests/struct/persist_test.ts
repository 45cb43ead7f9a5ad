// persist() writes back the lines of the named fields and no others, and what it wrote back survives a power cut.
// machines: none, it is about the bytes of a file, wherever that lies; places_test.ts is about the medium

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { open, type Region } from "../../mod.ts";
import { array, bytes, f64, struct, u32, u64, u8, utf8 } from "../../src/struct/mod.ts";
import { crash, type Model, record } from "../../src/testing/mod.ts";
import { memory } from "../helpers/places.ts";

/** Fields in lines of their own: at 0, 64, 128, 192 and, over two lines, 250. */
const Wide = struct({
  a: u64,
  padA: bytes(56),
  b: u64,
  padB: bytes(56),
  c: u64,
  padC: bytes(56),
  d: u32,
  padD: bytes(54),
  e: bytes(20),
  point: struct({ x: u32, y: u32 }),
  many: array(u64, 32),
});

/** What was flushed, as [first byte, bytes], and how often was waited. */
async function flushes(
  model: Model,
  body: (m: Region) => void,
): Promise<{ flushed: number[][]; drains: number }> {
  const { events } = await record({ size: 8192, model, workload: (m) => body(m) });
  return {
    flushed: events.filter((event) => event.kind === "flush").map((
      event,
    ) => [event.byteOffset, event.byteLength]),
    drains: events.filter((event) => event.kind === "drain").length,
  };
}

test("persist(field) flushes exactly the lines that the field touches", async () => {
  const lines: [string, number[]][] = [["a", [0, 64]], ["b", [64, 64]], ["c", [128, 64]], ["d", [192, 64]]];
  for (const [name, range] of [...lines, ["e", [192, 128]] as [string, number[]]]) {
    assertEquals(
      await flushes("px86", (m) => Wide.at(m, 0).persist(name as "a")),
      { flushed: [range], drains: 1 },
      name,
    );
  }
});

test("persist() flushes the whole record, also where it begins in the middle of a line", async () => {
  const end = Math.ceil((72 + Wide.byteLength) / 64) * 64;
  assertEquals(await flushes("px86", (m) => Wide.at(m, 72).persist()), {
    flushed: [[64, end - 64]],
    drains: 1,
  });
});

test("several fields cost one drain, and those in the same or in adjacent lines one flush", async () => {
  assertEquals(await flushes("px86", (m) => Wide.at(m, 0).persist("c", "a")), {
    flushed: [[0, 64], [128, 64]],
    drains: 1,
  });
  assertEquals(await flushes("px86", (m) => Wide.at(m, 0).persist("d", "a", "b")), {
    flushed: [[0, 128], [192, 64]],
    drains: 1,
  });
  assertEquals(await flushes("px86", (m) => Wide.at(m, 0).persist("e", "d", "d")), {
    flushed: [[192, 128]],
    drains: 1,
  });
});

test("on page granularity fields in one page or in adjacent ones are one msync", async () => {
  assertEquals((await flushes("sector", (m) => Wide.at(m, 0).persist("a"))).flushed, [[0, 4096]]);
  assertEquals((await flushes("sector", (m) => Wide.at(m, 0).persist("a", "c"))).flushed, [[0, 4096]]);
  assertEquals((await flushes("sector", (m) => Wide.at(m, 3968).persist("a", "d"))).flushed, [[0, 8192]]);
});

test("nested structs, arrays and elements of a table persist by themselves", async () => {
  const x = Wide.offsetOf("point"), many = Wide.offsetOf("many");
  const lineOf = (byteOffset: number) => Math.floor(byteOffset / 64) * 64;
  assertEquals((await flushes("px86", (m) => Wide.at(m, 0).point.persist("y"))).flushed, [[
    lineOf(x + 4),
    64,
  ]]);
  assertEquals((await flushes("px86", (m) => Wide.at(m, 0).many.persist(9, 1))).flushed, [[
    lineOf(many + 72),
    64,
  ]]);
  assertEquals((await flushes("px86", (m) => Wide.at(m, 0).many.persist())).flushed, [[
    lineOf(many),
    Math.ceil((many + 256) / 64) * 64 - lineOf(many),
  ]]);
  const at = Wide.byteLength * 3 + 64;
  assertEquals((await flushes("px86", (m) => Wide.array(m, 0, 9).at(3).persist("b"))).flushed, [
    lineOf(at) === lineOf(at + 7) ? [lineOf(at), 64] : [lineOf(at), 128],
  ]);
  assertEquals((await flushes("px86", (m) => Wide.array(m, 64, 5).persist(1, 2))).flushed, [[
    lineOf(64 + Wide.byteLength),
    Math.ceil((64 + 3 * Wide.byteLength) / 64) * 64 - lineOf(64 + Wide.byteLength),
  ]]);
});

test("a store through an accessor is one store of its bytes, so that no aligned field is ever torn", async () => {
  const Cell = struct({ a: u32, b: f64, c: u8, name: utf8(8) });
  const { events } = await record({
    size: 4096,
    workload: (m) => Cell.at(m, 64).set({ a: 1, b: 2, c: 3, name: "x" }),
  });
  assertEquals(events.map((event) => event.kind === "store" && [event.byteOffset, event.bytes.length]), [
    [64, 4],
    [72, 8],
    [80, 1],
    [81, 8],
  ]);
});

test("what persist(field) wrote back survives every power cut, in every model; without it, it does not", async () => {
  const Account = struct({ balance: f64, pad: bytes(120), visits: u64 });
  const run = (model: Model, persist: boolean) =>
    crash<{ balance: number; visits: number }, { balance: number; visits: number }>({
      size: 4096,
      model,
      workload: async (m, t) => {
        const account = Account.at(m, 64);
        await t.op("earn", 5, () => {
          account.balance += 5;
          if (persist) account.persist("balance");
        });
        await t.op("visit", 1, () => {
          account.visits += 1n;
          account.persist("visits");
        });
        await t.op("earn", 7, () => {
          account.balance += 7;
          account.persist("balance");
        });
      },
      recover: (m) => {
        const { balance, visits } = Account.at(m, 64);
        return { balance, visits: Number(visits) };
      },
      observe: (found) => found,
      reference: {
        init: () => ({ balance: 0, visits: 0 }),
        apply: (state, { name, arg }) => {
          if (name === "earn") state.balance += arg as number;
          else state.visits += 1;
        },
      },
    });
  for (const model of ["px86", "word", "sector", "eadr"] as const) {
    assertEquals((await run(model, true)).complete, true, model);
  }
  // Recovery has to show what was lost: state that nobody persisted
  await run("px86", false).then(
    () => assertEquals("found nothing", "found the missing persist"),
    (error) => assertEquals(error.name, "CrashError"),
  );
});

test("persist refuses fields and elements that are not there", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 8192 });
  const wide = Wide.at(file, 0);
  assertThrows(() => wide.persist("z" as "a"), TypeError, "There is no field z: there are a, padA");
  assertThrows(() => wide.persist("a", "z" as "a"), TypeError, "There is no field z");
  for (const [first, count] of [[-1, 1], [0, 33], [32, 1], [0, 0], [0.5, 1], [NaN, 1]] as const) {
    assertThrows(() => wide.many.persist(first, count), RangeError, "are not in an array of 32 u64");
  }
});

test("on a file persist is the file's: it refuses when that is closed or open to be read", () => {
  using place = memory();
  const file = open(place.path(), { create: true, size: 8192 });
  const wide = Wide.at(file, 0), table = Wide.array(file, 0, 2);
  wide.a = 5n;
  wide.persist("a", "d");
  file.close();
  assertThrows(() => wide.persist(), TypeError, "is closed");
  assertThrows(() => wide.persist("a", "c"), TypeError, "is closed");
  assertThrows(() => wide.a, TypeError);
  assertThrows(() => wide.e, TypeError);
  assertThrows(() => wide.e = new Uint8Array(20), TypeError);
  assertThrows(() => table.at(1).a, TypeError);
  assertThrows(() => Wide.at(file, 0), TypeError, "is closed");
  using reader = open(place.path(), { readOnly: true });
  assertEquals(Wide.at(reader, 0).a, 5n);
  assertThrows(() => Wide.at(reader, 0).persist("a"), Error, "readOnly");
});
