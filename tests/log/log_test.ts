// What a log promises without a crash: what its methods give and refuse.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { CorruptionError, DaxError, open } from "../../mod.ts";
import { openLog, type PersistentLog } from "../../src/log/mod.ts";
import { makeFile } from "../helpers/bytes.ts";
import { withNative } from "../helpers/native.ts";
import { medium, memory } from "../helpers/places.ts";
import { bytesOf } from "./subject.ts";

const text = (value: string) => new TextEncoder().encode(value);
const texts = (log: PersistentLog) => [...log].map(({ bytes }) => new TextDecoder().decode(bytes));
const MiB = 1 << 20;

test("records come back in order, with their numbers, also after reopening", () => {
  using place = medium();
  const path = place.path();
  {
    using log = openLog(path, { create: true, size: MiB });
    assertEquals([log.length, [...log]], [0, []]);
    assertEquals(log.append(text("first")), 0);
    assertEquals(log.appendAll([text("second"), text(""), text("fourth")]), 1);
    assertEquals(log.append(text("fifth")), 4);
    assertEquals([...log].map(({ sequence }) => sequence), [0, 1, 2, 3, 4]);
  }
  using log = openLog(path, { create: true, size: MiB });
  assertEquals(log.length, 5);
  assertEquals(texts(log), ["first", "second", "", "fourth", "fifth"]);
  assertEquals(log.append(text("sixth")), 5);
  log.clear();
  assertEquals([log.length, texts(log)], [0, []]);
  assertEquals(log.append(text("seventh")), 6);
  assertEquals([...log], [{ sequence: 6, bytes: text("seventh") }]);
});

test("a log that was never closed is whole", () => {
  using place = medium();
  const path = place.path();
  using left = openLog(path, { create: true, size: MiB, lock: "none" });
  for (let i = 0; i < 200; i++) left.append(text(`record ${i}`));
  using log = openLog(path, { lock: "none" });
  assertEquals(log.length, 200);
  assertEquals(texts(log).at(-1), "record 199");
});

test("bytes that were read stay what they are when the log is cleared and closed", () => {
  using place = memory();
  const log = openLog(place.path(), { create: true, size: MiB });
  log.append(text("kept"));
  const { bytes } = [...log][0]!;
  log.clear();
  log.append(text("over"));
  log.close();
  assertEquals(new TextDecoder().decode(bytes), "kept");
});

test("what is appended may be any Uint8Array, also a view of the log's own file", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: MiB });
  const log = openLog(file, { create: true });
  log.append(new Uint8Array([9, 1, 2, 9]).subarray(1, 3));
  log.append(file.view(Uint8Array, 0, 8));
  assertEquals([...log].map(({ bytes }) => [...bytes]), [[1, 2], [...text("daxf.log")]]);
});

test("what is no record is refused, and nothing is appended", () => {
  using place = memory();
  using log = openLog(place.path(), { create: true, size: MiB });
  for (
    const wrong of [
      "text",
      5,
      null,
      undefined,
      [1],
      new ArrayBuffer(8),
      new DataView(new ArrayBuffer(8)),
      new Uint16Array(1),
    ]
  ) {
    assertThrows(() => log.append(wrong as unknown as Uint8Array), TypeError, "A record is a Uint8Array");
    assertThrows(
      () => log.appendAll([text("good"), wrong as unknown as Uint8Array]),
      TypeError,
      "A record is a Uint8Array",
    );
  }
  function* failing() {
    yield text("good");
    throw new Error("half-way");
  }
  assertThrows(() => log.appendAll(failing()), Error, "half-way");
  assertThrows(() => log.appendAll(5 as unknown as []), TypeError);
  assertEquals(log.length, 0);
  assertEquals(log.append(text("after")), 0);
});

test("a full log says how much is free, writes nothing, and takes what still fits", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: 4096 + 100 });
  const log = openLog(file, { create: true });
  assertEquals(log.freeBytes, 80);
  log.append(new Uint8Array(9));
  assertEquals(log.freeBytes, 48);
  const before = file.view(Uint8Array).slice();
  const error = assertThrows(() => log.append(new Uint8Array(49)), DaxError, "72 bytes are needed");
  assertEquals([error.code, error.reason.includes("64 of it are free")], ["ENOSPC", true]);
  assertEquals(
    assertThrows(() => log.appendAll([text("fits"), new Uint8Array(48)]), DaxError).code,
    "ENOSPC",
  );
  assertThrows(() => log.append(new Uint8Array(81)), RangeError, "at most 80 bytes in a record");
  assertEquals(file.view(Uint8Array).slice(), before);
  assertEquals(log.append(new Uint8Array(log.freeBytes)), 1);
  assertEquals(log.freeBytes, 0);
  assertEquals(assertThrows(() => log.append(new Uint8Array(0)), DaxError).code, "ENOSPC");
  assertEquals([...openLog(file)].map(({ bytes }) => bytes.length), [9, 48]);
  log.clear();
  assertEquals(log.append(new Uint8Array(80)), 2);
  assertEquals([...openLog(file)].map(({ bytes }) => bytes.length), [80]);
});

test("a record of the whole log, of many windows, and a batch of them", () => {
  using place = memory();
  using log = openLog(place.path(), { create: true, size: 8 * MiB });
  const long = new Uint8Array(bytesOf(3 * MiB, 5));
  log.appendAll([long, text("between"), long]);
  log.append(text("after"));
  assertEquals([...log].map(({ bytes }) => bytes.length), [3 * MiB, 7, 3 * MiB, 5]);
  log.clear();
  log.append(new Uint8Array(log.freeBytes));
  log.close();
  using again = openLog(place.path());
  assertEquals([again.length, again.freeBytes, [...again][0]!.bytes.length], [1, 0, 8 * MiB - 4096 - 16]);
});

test("every method of a closed log throws, but close", () => {
  using place = memory();
  const log = openLog(place.path(), { create: true, size: MiB });
  log.append(text("one"));
  const iterator = log[Symbol.iterator]();
  iterator.next();
  log.close();
  log.close();
  assert(log.closed);
  const calls = [() => log.append(text("")), () => log.appendAll([]), () => log.clear(), () => log.length];
  for (const call of [...calls, () => log.freeBytes, () => [...log], () => iterator.next()]) {
    assertThrows(call, TypeError, "is closed");
  }
});

test("a log over a region leaves it open; once that is closed, the log is too", () => {
  using place = memory();
  const file = open(place.path(), { create: true, size: MiB });
  const log = openLog(file, { create: true });
  log.append(text("one"));
  log.close();
  assert(!file.closed);
  const again = openLog(file);
  assertEquals(again.length, 1);
  again.append(text("two"));
  file.close();
  assertThrows(() => again.length, TypeError, "is closed");
  assertThrows(() => again.append(text("three")), TypeError, "is closed");
  again.close();
  using third = openLog(place.path());
  assertEquals(texts(third), ["one", "two"]);
});

test("clear ends an iteration, and append does not lengthen it", () => {
  using place = memory();
  using log = openLog(place.path(), { create: true, size: MiB });
  for (const word of ["a", "b", "c"]) log.append(text(word));
  const seen: number[] = [];
  for (const { sequence } of log) {
    seen.push(sequence);
    log.append(text("more"));
    if (sequence === 1) log.clear();
  }
  assertEquals(seen, [0, 1]);
  for (const word of ["a", "b"]) log.append(text(word));
  for (const { sequence } of log) {
    seen.push(sequence);
    log.append(text("more"));
  }
  assertEquals(seen, [0, 1, 5, 6]);
});

test("a log that is open to be read refuses to be written, and follows a writer", () => {
  using place = medium();
  const path = place.path();
  using log = openLog(path, { create: true, size: MiB });
  log.append(text("one"));
  using reader = openLog(path, { readOnly: true });
  for (
    const call of [() => reader.append(text("")), () => reader.clear(), () => reader.appendAll([text("")])]
  ) {
    assertEquals(assertThrows(call, DaxError, "open to be read").code, "EACCES");
  }
  assertEquals([reader.length, reader.freeBytes], [1, log.freeBytes]);
  log.appendAll([text("two"), text("three")]);
  assertEquals(reader.length, 3);
  const iterator = reader[Symbol.iterator]();
  assertEquals(iterator.next().value?.sequence, 0);
  log.clear();
  log.append(text("four"));
  assertEquals([...reader].map(({ sequence }) => sequence), [3]);
  log.append(new Uint8Array(100));
  // It was begun before: what came in the place of its records is not what it looks for
  assertEquals(iterator.next().done, true);
  log.clear();
  assertEquals([reader.length, [...reader]], [0, []]);
  log.append(text("four"));
  log.close();
  using again = openLog(path);
  again.append(text("five"));
  assertEquals(texts(reader), ["four", "five"]);
  assertEquals(reader.freeBytes, again.freeBytes);
});

test("a second writer is refused, and a reader with a lock too", () => {
  using place = medium();
  using log = openLog(place.path(), { create: true, size: MiB });
  assertEquals(assertThrows(() => openLog(log.file.path), DaxError).code, "EBUSY");
  assertEquals(
    assertThrows(() => openLog(log.file.path, { readOnly: true, lock: "shared" }), DaxError).code,
    "EBUSY",
  );
});

test("options that make no sense are refused, and no file is made", () => {
  using place = memory();
  const path = place.path();
  assertThrows(() => openLog(path, { create: true, size: 4111 }), RangeError, "at least 4112");
  assertThrows(() => openLog(path, { create: true }), TypeError, "size");
  assertThrows(() => openLog(path, { create: true, size: MiB, identity: -1 }), RangeError, "identity");
  assertThrows(
    () => openLog(path, { create: true, size: MiB, identity: "5" as unknown as number }),
    TypeError,
    "identity",
  );
  assertThrows(
    () => openLog(path, { create: true, size: MiB, colour: "red" } as object),
    TypeError,
    "colour",
  );
  assertThrows(() => openLog(path, null as unknown as object), TypeError, "options");
  assertThrows(() => openLog(5 as unknown as string), TypeError, "path");
  assert(!existsSync(path));
  using file = open(path, { create: true, size: MiB });
  assertThrows(() => openLog(file, { create: true, size: MiB }), TypeError, "size goes with a path");
  using small = open(place.path("small"), { create: true, size: 4111 });
  assertThrows(() => openLog(small, { create: true }), RangeError, "at least 4112");
  using log = openLog(place.path("small log"), { create: true, size: 4112 });
  log.append(new Uint8Array(0));
  assertEquals([log.length, log.freeBytes], [1, 0]);
});

test("a file of zeros becomes a log only when asked, and one with other bytes never", () => {
  using place = memory();
  const path = makeFile(place.path(), 8192);
  assertThrows(() => openLog(path), CorruptionError, "begins with zeros");
  using file = open(path);
  // In each part of a log, and after all that a small one would use
  const bytes = file.view(Uint8Array), before = bytes.slice();
  for (
    const at of [
      8,
      9,
      16,
      20,
      32,
      36,
      40,
      55,
      56,
      1023,
      1024,
      1032,
      1040,
      1044,
      1056,
      1087,
      1088,
      2047,
      2056,
      2112,
      5000,
      8191,
    ]
  ) {
    bytes[at] = 2;
    assertThrows(() => openLog(file, { create: true }), CorruptionError, "what follows is not empty");
    bytes[at] = 0;
  }
  assertEquals(bytes, before);
  file.view(Uint8Array, 3, 1)[0] = 1;
  for (const create of [false, true]) {
    assertEquals(
      assertThrows(() => openLog(file, { create }), CorruptionError, "it is not a log").byteOffset,
      0,
    );
  }
  file.view(Uint8Array, 3, 1)[0] = 0;
  openLog(file, { create: true }).append(text("one"));
  // Its first word is lost: it is not made anew
  file.fill(0, 8);
  assertThrows(() => openLog(file, { create: true }), CorruptionError, "what follows is not empty");
});

test("a newer version, features that are not known, and another byte order are refused in words", () => {
  using place = memory();
  using file = open(place.path(), { create: true, size: MiB });
  openLog(file, { create: true }).close();
  const header = file.view(Uint8Array, 24, 32).slice(), payload = new DataView(header.buffer);
  const write = (version: number, mark = 0x01020304) => file.writeRecord(8, header, version, mark, 0);
  write(2);
  const newer = assertThrows(() => openLog(file), DaxError, "version 2, and this program knows version 1");
  assertEquals([newer.code, newer instanceof CorruptionError], ["ENOTSUP", false]);
  write(1, 0x04030201);
  assertEquals(assertThrows(() => openLog(file), DaxError, "byte order").code, "ENOTSUP");
  payload.setUint32(16, 4, true);
  write(1);
  assertThrows(
    () => openLog(file, { readOnly: true }),
    DaxError,
    "features that this program does not know (0x4)",
  );
  payload.setUint32(16, 0, true);
  payload.setUint32(20, 8, true);
  write(1);
  assertThrows(() => openLog(file), DaxError, "readOnly: true");
  assertEquals(openLog(file, { readOnly: true }).length, 0);
});

test("a failed write is told, shuts the log, and close writes nothing over it", () => {
  using place = memory();
  const path = place.path();
  let fails = false;
  withNative(
    (real) => ({ daxfile1_record: (...parameters) => fails ? -5 : real.daxfile1_record(...parameters) }),
    () => {
      using log = openLog(path, { create: true, size: MiB, forceGranularity: "cache-line" });
      log.append(text("one"));
      log.append(text("two"));
      fails = true;
      assertEquals(assertThrows(() => log.append(text("three")), DaxError).code, "EIO");
      fails = false;
      for (
        const call of [() => log.append(text("four")), () => log.appendAll([text("")]), () => log.clear()]
      ) {
        assertEquals(assertThrows(call, DaxError, "has failed before").code, "EIO");
      }
      assertEquals(texts(log), ["one", "two"]);
    },
  );
  using log = openLog(path);
  assertEquals(texts(log), ["one", "two"]);
  assertEquals(log.append(text("three")), 2);
});

test("a file whose creation did not end says so, and is made again", () => {
  using place = medium();
  const path = place.path();
  openLog(path, { create: true, size: 8192 }).close();
  const bytes = readFileSync(path);
  bytes.set(new TextEncoder().encode("DAXF.LOG"));
  writeFileSync(path, bytes);
  for (const options of [{}, { readOnly: true }]) {
    const error = assertThrows(() => openLog(path, options), CorruptionError, "its creation did not end");
    assert(error.hint!.includes("create: true"));
  }
  openLog(path, { create: true }).close();
  const log = openLog(path);
  assertEquals(log.append(new Uint8Array(3)), 0);
  log.close();
  bytes.set(readFileSync(path).subarray(8), 8);
  writeFileSync(path, bytes);
  assertThrows(() => openLog(path, { create: true }), CorruptionError, "what follows is not empty");
});
