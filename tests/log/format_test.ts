// The page docs/formats.md is enough to read a log: a reader in Python that was written from it alone finds what ours finds.
// machines: none, it is about the bytes of a file, wherever that lies; log_test.ts is about the medium

import { assertEquals } from "@std/assert";
import { execFileSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { test } from "node:test";
import { CorruptionError, open } from "../../mod.ts";
import { readHeader } from "../../src/log/header.ts";
import { openLog } from "../../src/log/mod.ts";
import { recordsOf } from "../../src/log/records.ts";
import { readState } from "../../src/log/state.ts";
import { root } from "../helpers/child.ts";
import { memory } from "../helpers/places.ts";
import { bytesOf, startAt } from "./subject.ts";

/** What the Python program says of files. */
function inPython(...paths: string[]): { damage?: string; records: { sequence: number }[] }[] {
  const output = execFileSync("python3", [`${root}tests/log/reader.py`, ...paths], { encoding: "utf8" });
  return output.trim().split("\n").map((line) => JSON.parse(line));
}

/** What this library says, in the same words. */
function inTypeScript(path: string): unknown {
  using file = open(path, { readOnly: true, lock: "none" });
  const log = openLog(file), frames = readHeader(file, false), { epoch, base } = readState(frames);
  const records = [...recordsOf(frames, base, base + log.length)].map((
    { sequence, byteOffset, epoch, bytes },
  ) => ({
    sequence,
    byteOffset,
    epoch,
    bytes: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""),
  }));
  return { epoch, base, records };
}

test("a reader in Python, written from the page alone, finds what ours does at every step of a log's life", () => {
  using place = memory();
  const path = place.path(), size = 4096 + 1500;
  let log = openLog(path, { create: true, size, lock: "none" });
  const steps = [
    () => void log.append(new Uint8Array(0)),
    () =>
      void log.appendAll(
        [bytesOf(5, 1), bytesOf(8, 2), bytesOf(300, 3)].map((bytes) => new Uint8Array(bytes)),
      ),
    () => log.close(),
    () => void (log = openLog(path, { lock: "none" })).append(new Uint8Array(bytesOf(9, 4))),
    () => void (log = openLog(path, { lock: "none" })).append(new Uint8Array(bytesOf(90, 5))),
    () => log.clear(),
    () => void log.appendAll([bytesOf(1, 6), bytesOf(2, 7)].map((bytes) => new Uint8Array(bytes))),
    // Torn: of a batch the first record is lost
    () => log.file.fill(4096, 16),
    () => void openLog(path, { lock: "none" }).append(new Uint8Array(bytesOf(1, 6))),
  ];
  const copies = steps.map((step, index) => {
    step();
    copyFileSync(path, place.path(`${index}`));
    return place.path(`${index}`);
  });
  assertEquals(inPython(...copies) as unknown[], copies.map(inTypeScript));
});

test("also past 2^32 records", () => {
  using place = memory();
  const first = 3 * 2 ** 32 - 1, path = place.path();
  using file = open(path, { create: true, size: 8192 });
  startAt(file, { base: first, sequence: first });
  openLog(file).appendAll([bytesOf(5, 1), bytesOf(8, 2)].map((bytes) => new Uint8Array(bytes)));
  const [found] = inPython(path);
  assertEquals(found as unknown, inTypeScript(path));
  assertEquals(found!.records.map(({ sequence }) => sequence), [first, first + 1]);
});

test("both find the same damage", () => {
  using place = memory();
  const path = place.path("log");
  {
    const log = openLog(path, { create: true, size: 8192, lock: "none" });
    for (let i = 0; i < 3; i++) log.append(new Uint8Array(bytesOf(6, i)));
  }
  const damaged = [0, 9, 30, 4096, 4117, 4120, 4150, 4170].map((at) => {
    const copy = place.path(`${at}`);
    copyFileSync(path, copy);
    using file = open(copy);
    file.view(Uint8Array, at, 1)[0]! ^= 0x40;
    return copy;
  });
  let count = 0;
  for (const [index, python] of inPython(...damaged).entries()) {
    let ours: unknown;
    try {
      ours = inTypeScript(damaged[index]!);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      const place = /byteOffset (\d+)/.exec(python.damage ?? "not found")?.[1];
      assertEquals(error.byteOffset, Number(place ?? 0), `${error.message}; ${python.damage}`);
      count++;
      continue;
    }
    assertEquals(python as unknown, ours);
  }
  assertEquals(count, 6);
});
