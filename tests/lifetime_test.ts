// A mapping lives as long as any view of it, and after close no view is ever over memory that is not there.
// machines: files

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { open } from "../mod.ts";
import { makeFile, makeHole, readAt } from "./helpers/bytes.ts";
import { askChild, here } from "./helpers/child.ts";
import { descriptors, mappings, medium, memory } from "./helpers/places.ts";

test("close empties every view: reads give undefined, stores go nowhere, DataView throws", () => {
  using place = memory();
  const path = makeHole(place.path(), 2 ** 32);
  const file = open(path, { sparse: true });
  const bytes = file.view(Uint8Array, 0, 100), numbers = file.view(Float64Array, 2 ** 31, 100);
  const wide = file.view(Uint8Array, 2 ** 29 - 1, 2 ** 30 - 8), data = file.view(DataView, 2 ** 31 + 8, 16);
  const part = bytes.subarray(10, 20);
  bytes.fill(1);
  file.close();
  for (const view of [bytes, numbers, wide, part]) {
    assertEquals([view.length, view.byteLength, view.byteOffset, view[0]], [0, 0, 0, undefined]);
    view[0] = 5;
    assertEquals(view[0], undefined);
    assertThrows(() => view.fill(1), TypeError);
    assertThrows(() => view.set([1]), TypeError);
  }
  assertThrows(() => data.getUint8(0), TypeError);
  assertThrows(() => data.byteLength, TypeError);
  assertThrows(() => Atomics.load(bytes, 0), Error);
  assertEquals(mappings(place.directory), []);
  assertEquals([...readAt(path, 0, 3)], [1, 1, 1]);
});

test("close gives back the descriptor, the memory and the lock", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  const before = descriptors(place.directory);
  for (let round = 0; round < 100; round++) {
    const file = open(path, { guard: round % 2 === 0 });
    file.view(Uint8Array);
    file.close();
  }
  assertEquals(descriptors(place.directory), before);
  assertEquals(mappings(place.directory), []);
});

test("a loop that the engine has optimised survives the close", () => {
  using place = medium();
  const file = open(place.path(), { create: true, size: 4096 });
  const view = file.view(Float64Array);
  const loop = (times: number) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      view[i & 511] = i;
      sum += view[(i * 7) & 511] ?? 1;
    }
    return sum;
  };
  assertNotEquals(loop(2_000_000), 2_000_000);
  file.close();
  assertEquals(loop(2_000_000), 2_000_000);
});

const movers: Record<string, (buffer: ArrayBuffer) => ArrayBuffer> = {
  "transfer()": (buffer) => buffer.transfer(),
  "transfer() of its own length": (buffer) => buffer.transfer(buffer.byteLength),
  "structuredClone": (buffer) => structuredClone(buffer, { transfer: [buffer] }),
};

for (const [name, move] of Object.entries(movers)) {
  test(`a buffer that was moved away by ${name} meets zeros after close, and reaches no file`, () => {
    using place = medium();
    const path = place.path();
    const file = open(path, { create: true, size: 16384 });
    const view = file.view(Uint8Array);
    view.fill(7);
    const moved = new Uint8Array(move(view.buffer));
    assertEquals([view.length, moved.length, moved[5000]], [0, 16384, 7]);
    // A new view is as good as the first
    const again = file.view(Uint8Array);
    assertEquals([again.length, again[5000]], [16384, 7]);
    file.persist(again);
    file.close();
    assertEquals(again.length, 0);
    assertEquals([moved.length, moved[0], moved[5000], moved[16383]].slice(1), [0, 0, 0]);
    for (let i = 0; i < moved.length; i++) moved[i] = 9;
    assert(readAt(path, 0, 16384).every((byte) => byte === 7));
    assertEquals(mappings(place.directory), []);
    open(path).close();
  });
}

test("a buffer that was moved away before and one that was not: both are safe", () => {
  using place = memory();
  const file = open(makeHole(place.path(), 2 ** 31), { sparse: true });
  const first = file.view(Uint8Array, 0, 8), second = file.view(Uint8Array, 2 ** 30, 8);
  second[0] = 3;
  const moved = new Uint8Array(second.buffer.transfer());
  file.close();
  assertEquals([first.length, second.length, moved[0], moved[moved.length - 1]], [0, 0, 0, 0]);
});

test("a second close does nothing", () => {
  using place = medium();
  const path = place.path();
  const file = open(path, { create: true, size: 4096 });
  file.close();
  // The descriptor's number belongs to another file by now
  using other = open(path);
  file.close();
  file[Symbol.dispose]();
  assertEquals([file.closed, other.closed], [true, false]);
  other.persist();
  assertThrows(() => open(path), Error, "lock");
});

test("every method of a closed file is a TypeError that names the file", async () => {
  using place = medium();
  const path = place.path();
  for (const options of [{}, { readOnly: true }, { guard: true }]) {
    open(path, { create: true, size: 4096 }).close();
    const file = open(path, options);
    const view = file.view(Uint8Array);
    file.close();
    const calls = [
      () => file.view(Uint8Array),
      () => file.persist(),
      () => file.persist(0, 8),
      () => file.flush(0, 8),
      () => file.drain(),
      () => file.deepFlush(0, 8),
      () => file.write(0, new Uint8Array(8)),
      () => file.fill(0, 8),
      () => file.store64(0, 1),
      () => file.persist(view),
    ];
    for (const call of calls) assertThrows(call, TypeError, `"${path}" is closed`);
    const error = await file.sync().then(() => undefined, (error) => error);
    assert(error instanceof TypeError && error.message.includes("is closed"));
    assertEquals([file.path, file.size, file.closed], [path, 4096, true]);
  }
});

test("using closes at the end of the block, also when it is left by an error", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  let kept;
  {
    using file = open(path);
    kept = file;
  }
  assertEquals(kept.closed, true);
  assertThrows(
    () => {
      using file = open(path);
      kept = file;
      throw new Error("on the way");
    },
    Error,
    "on the way",
  );
  assertEquals(kept.closed, true);
});

/** What the programs below begin with: collecting garbage until something is so. */
const collecting = `
  import { open } from "@daxfile/daxfile";
  import { readFileSync, readdirSync, readlinkSync } from "node:fs";
  const collect = globalThis.gc ?? (() => Bun.gc(true));
  const mapped = () => readFileSync("/proc/self/maps", "utf8").includes(path);
  const descriptors = () => readdirSync("/proc/self/fd").filter((name) => {
    try { return readlinkSync("/proc/self/fd/" + name) === path } catch { return false }
  }).length;
  const turns = async (most, done = () => false) => {
    for (let turn = 0; turn < most && !done(); turn++) {
      // Rubbish, and a deep stack, so that nothing is kept alive by a slot that nobody has written over
      (function fill(depth) { return depth === 0 ? [] : [fill(depth - 1)]; })(100);
      collect();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return done();
  };
`;

const flags = here === "deno" ? ["--v8-flags=--expose-gc"] : [];

test("a handle that is dropped without close: the view lives on, and lets go of everything when it goes", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  const result = askChild<Record<string, unknown>>(
    `${collecting}
    const path = ${JSON.stringify(path)};
    open(path).close();
    // In functions, so that no register of this module keeps the view
    const holder = {};
    const hold = () => void (holder.view = open(path).view(Uint8Array));
    const store = (index, value) => void (holder.view[index] = value);
    hold();
    store(0, 1);
    await turns(30);
    store(1, 2);
    let locked = false;
    try { open(path).close(); } catch (error) { locked = error.code === "EBUSY"; }
    const alive = { mapped: mapped(), locked, bytes: [...readFileSync(path).subarray(0, 2)] };
    delete holder.view;
    const gone = await turns(500, () => !mapped() && descriptors() === 0);
    open(path).close();
    console.log(JSON.stringify({ alive, gone }));
  `,
    { flags },
  );
  assertEquals(result, { alive: { mapped: true, locked: true, bytes: [1, 2] }, gone: true });
});

test("dropped handles without views, with guards and with buffers that were moved away let go as well", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  const result = askChild<Record<string, unknown>>(
    `${collecting}
    const path = ${JSON.stringify(path)};
    open(path, { guard: true }).close();
    const drop = (times) => {
      for (let i = 0; i < times; i++) {
        const file = open(path, { lock: "none", guard: true });
        if (i % 3 === 1) file.view(Uint8Array)[0] = 1;
        if (i % 3 === 2) file.view(Uint8Array).buffer.transfer()[0] = 1;
      }
    };
    const gone = [];
    for (let round = 0; round < 3; round++) {
      drop(100); // at most 128 can be guarded at a time
      gone.push(await turns(500, () => !mapped() && descriptors() === 0));
    }
    open(path).close();
    console.log(JSON.stringify({ gone }));
  `,
    { flags },
  );
  assertEquals(result, { gone: [true, true, true] });
});
