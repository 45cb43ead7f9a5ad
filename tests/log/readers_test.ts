// Readers beside a writer: in one process, the writer going on between any two accesses of the reader; and in two.
// machines: none, it is about the bytes of a file, wherever that lies; log_test.ts is about the medium

import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CorruptionError, open, type Region } from "../../mod.ts";
import { openLog, type PersistentLog } from "../../src/log/mod.ts";
import { Memory } from "../../src/testing/memory.ts";
import { MODELS } from "../../src/testing/model.ts";
import { record } from "../../src/testing/mod.ts";
import { RecordedRegion } from "../../src/testing/region.ts";
import { here, startChild, stoppingFile, there } from "../helpers/child.ts";
import { memory } from "../helpers/places.ts";
import { bytesOf, identity, lose, placeOf } from "./subject.ts";

const size = 4096 + 512;

/** What record n holds, whoever wrote it. */
const contentsOf = (sequence: number) => new Uint8Array(bytesOf(sequence * 7 % 30, sequence));

/** What a writer may do while a reader reads: a log that has two records goes on. */
const steps: Record<string, (log: PersistentLog) => void> = {
  append: (log) => log.append(contentsOf(2)),
  appendAll: (log) => log.appendAll([2, 3, 4].map(contentsOf)),
  "clear and append": (log) => {
    log.clear();
    for (let i = 2; i < 12; i++) log.append(contentsOf(i));
  },
  "close, and another session": (log) => {
    log.close();
    const next = openLog(log.file);
    for (let i = 2; i < 12; i++) next.append(contentsOf(i));
  },
  "die, recover, clear": (log) => {
    const next = openLog(log.file);
    next.append(contentsOf(2));
    next.clear();
    next.append(contentsOf(3));
    log = openLog(log.file);
    log.append(contentsOf(4));
  },
};

/** What a reader sees must be numbers in a row, each with its own contents; how many. */
function check(reader: PersistentLog): number {
  let next: number | undefined, count = 0;
  for (const { sequence, bytes } of reader) {
    assertEquals(sequence, next ?? sequence);
    assertEquals(bytes, contentsOf(sequence));
    next = sequence + 1;
    count++;
  }
  return count;
}

/** A log of two records in memory; `onRead` is called before each access to it. */
function world(): {
  region: () => RecordedRegion;
  hook: { onRead: (() => void) | undefined };
  put: (byteOffset: number, bytes: Uint8Array) => void;
} {
  const bytes = new Memory(size), hook: { onRead: (() => void) | undefined } = { onRead: undefined };
  const read = bytes.read.bind(bytes);
  bytes.recording = false;
  bytes.read = (byteOffset, byteLength) => {
    hook.onRead?.();
    read(byteOffset, byteLength);
  };
  const put = (byteOffset: number, source: Uint8Array) => bytes.bytes.set(source, byteOffset);
  return { region: () => new RecordedRegion(bytes, MODELS.px86, false), hook, put };
}

for (const [name, step] of Object.entries(steps)) {
  test(`a reader sees whole records in a row though the writer goes on at any moment: ${name}`, () => {
    let moments = 0;
    for (let moment = 1, isOver = false; !isOver; moment++) {
      const { region, hook } = world();
      const writer = openLog(region(), { create: true, identity });
      writer.append(contentsOf(0));
      writer.append(contentsOf(1));
      let left = moment;
      hook.onRead = () => {
        if (--left !== 0) return;
        hook.onRead = undefined;
        step(writer);
      };
      const reader = openLog(region(), { readOnly: true });
      assert(reader.length >= 0);
      check(reader);
      check(reader);
      isOver = left > 0;
      moments = moment;
      // What was there at the end is seen at the next look
      hook.onRead = undefined;
      if (!isOver) assertEquals(check(reader), openLog(region(), { readOnly: true }).length);
    }
    assert(moments > 50, `${moments}`);
  });
}

test("a reader sees whole records in a row though single stores of the writer come between its accesses", async () => {
  for (const [name, step] of Object.entries(steps)) {
    const start = (m: Region) => {
      const writer = openLog(m, { create: true, identity });
      writer.append(contentsOf(0));
      writer.append(contentsOf(1));
      return writer;
    };
    const { events, initial } = await record({ size, workload: (m) => step(start(m)) });
    assert(initial.every((byte) => byte === 0));
    const before = await record({ size, workload: (m) => void start(m) });
    const stores = events.filter((event) => event.kind === "store");
    const first = before.events.filter((event) => event.kind === "store").length;
    const schedule = fc.array(fc.constantFrom(0, 0, 0, 1, 1, 2, 7), { minLength: 1, maxLength: 40 });
    const property = fc.property(schedule, fc.nat(30), (pauses, skipped) => {
      const { region, hook, put } = world();
      let done = 0, reads = -skipped;
      const put1 = () => put(stores[done]!.byteOffset, stores[done++]!.bytes);
      while (done < first) put1();
      hook.onRead = () => {
        for (let n = reads++ < 0 ? 0 : pauses[reads % pauses.length]!; n > 0 && done < stores.length; n--) {
          put1();
        }
      };
      const reader = openLog(region(), { readOnly: true });
      for (let look = 0; look < 3; look++) check(reader);
      hook.onRead = undefined;
      while (done < stores.length) put1();
      assertEquals(check(reader), openLog(region(), { readOnly: true }).length, name);
    });
    fc.assert(property, { numRuns: 800 });
  }
});

test("a reader may open while a writer is between any two of its stores", () => {
  for (const [name, step] of Object.entries(steps)) {
    const { region } = world();
    const writer = openLog(region(), { create: true, identity });
    writer.append(contentsOf(0));
    writer.append(contentsOf(1));
    let looks = 0;
    // Each call that a writer makes is a moment; before it and after it
    const watched = new Proxy(writer.file, {
      get(target, key) {
        const value = Reflect.get(target, key, target);
        if (typeof value !== "function" || key === "view" || key === "recordLength") {
          return typeof value === "function" ? value.bind(target) : value;
        }
        return (...parameters: unknown[]) => {
          check(openLog(region(), { readOnly: true }));
          const result = value.apply(target, parameters);
          check(openLog(region(), { readOnly: true }));
          looks++;
          return result;
        };
      },
    });
    const log = openLog(watched);
    step(log);
    assert(looks > 4, `${name}: ${looks}`);
  }
});

test("damage under a reader is told, and not taken for the end", () => {
  using place = memory();
  using log = openLog(place.path(), { create: true, size });
  for (let i = 0; i < 3; i++) log.append(contentsOf(i));
  using reader = openLog(place.path(), { readOnly: true });
  assertEquals(check(reader), 3);
  // Record 0 has no bytes of its own
  log.file.view(Uint8Array, 4096 + 16 + 16, 1)[0]! ^= 1;
  assertEquals(assertThrows(() => check(reader), CorruptionError).byteOffset, 4112);
});

for (const runtime of [here, there]) {
  test(`a reader here and a writer in ${runtime} agree, through appends, clears and new sessions`, {
    timeout: 60_000,
  }, async () => {
    using place = memory();
    const path = place.path();
    await using writer = startChild(
      `
      import { openLog } from "@daxfile/daxfile/log";
      const bytesOf = ${String(bytesOf)};
      const contentsOf = (sequence) => new Uint8Array(bytesOf(sequence * 7 % 30, sequence));
      const path = ${JSON.stringify(path)};
      let next = 0, log = openLog(path, { create: true, size: 65536, forceGranularity: "cache-line" });
      console.log("ready");
      for (let round = 0; round < 3000; round++) {
        if (round % 7 === 0) next = log.appendAll([next, next + 1, next + 2].map(contentsOf)) + 3;
        else next = log.append(contentsOf(next)) + 1;
        if (round % 997 === 996) log.clear();
        if (round % 499 === 498) {
          log.close();
          log = openLog(path, { forceGranularity: "cache-line" });
        }
      }
      console.log("done " + next);
    `,
      { runtime },
    );
    assertEquals(await writer.line(), "ready");
    let last: number | undefined, looks = 0;
    const done = writer.line().then((line) => last = Number(line.slice(5)));
    using reader = openLog(path, { readOnly: true });
    while (last === undefined) {
      check(reader);
      using fresh = openLog(path, { readOnly: true });
      check(fresh);
      looks++;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await done;
    assertEquals([...reader].at(-1)?.sequence, last - 1);
    assertEquals(check(reader), reader.length);
    assert(looks > 0);
  });
}

test("a reader in another process opens and reads while the writer is stopped anywhere in its recovery", {
  timeout: 60_000,
}, async () => {
  using place = memory();
  const path = place.path();
  {
    using file = open(path, { create: true, size: 8192 });
    const log = openLog(file, { create: true });
    for (const n of [0, 1]) log.append(contentsOf(n));
    // Of a batch that was cut off the first is lost and the others are there
    log.appendAll([2, 3, 4].map(contentsOf));
    lose(file, placeOf([0, 1].map((n) => contentsOf(n).length)));
  }
  await using writer = startChild(
    `
    import { open } from "@daxfile/daxfile";
    import { openLog } from "@daxfile/daxfile/log";
    ${stoppingFile}
    const bytesOf = ${String(bytesOf)};
    const contentsOf = (sequence) => new Uint8Array(bytesOf(sequence * 7 % 30, sequence));
    const log = openLog(stopping(open(${JSON.stringify(path)}, { forceGranularity: "cache-line" })));
    stop("recovered");
    log.append(contentsOf(2));
    log.close();
    console.log("done");
  `,
    { runtime: there },
  );
  using before = openLog(path, { readOnly: true });
  const stops: string[] = [];
  for (let where; (where = await writer.line()) !== "done"; writer.send("")) {
    stops.push(where);
    // The dropped ones are never seen, and the new one not before its first store
    const isThere = stops.includes("after writeRecord");
    using fresh = openLog(path, { readOnly: true });
    assertEquals([check(fresh), fresh.length], isThere ? [3, 3] : [2, 2], where);
    assertEquals(check(before), isThere ? 3 : 2, where);
  }
  assertEquals([stops.indexOf("before flush"), stops.includes("before writeRecord")], [0, true]);
  assert(stops.indexOf("recovered") > 3, stops.join());
});
