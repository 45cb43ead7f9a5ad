// The page docs/formats.md is enough to read a pool: a reader in Python that was written from it alone finds what ours finds.
// machines: none, it is about the bytes of a file, wherever that lies; transaction_test.ts is about the medium

import { assert, assertEquals, assertThrows } from "@std/assert";
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { CorruptionError, open } from "../../mod.ts";
import { readHeader } from "../../src/transaction/header.ts";
import { openPool } from "../../src/transaction/mod.ts";
import { readSlots, type Slots } from "../../src/transaction/slots.ts";
import { root } from "../helpers/child.ts";
import { memory } from "../helpers/places.ts";

/** What the Python program says of files. */
function inPython(paths: readonly string[]): { damage?: string; pending?: number }[] {
  const output = execFileSync("python3", [`${root}tests/transaction/reader.py`, ...paths], {
    encoding: "utf8",
  });
  return output.trim().split("\n").map((line) => JSON.parse(line));
}

function slotsOf(path: string): Slots {
  using file = open(path, { readOnly: true, lock: "none" });
  return readSlots(file, readHeader(file, false));
}

/** How many writes would be stored in their places again. */
function pendingIn(path: string): number {
  return slotsOf(path).pending.reduce((sum, { entries }) => sum + entries.length, 0);
}

/** What this library says, in the same words. */
function inTypeScript(path: string): unknown {
  const { sequence } = slotsOf(path), pending = pendingIn(path);
  using pool = openPool(path, { readOnly: true, lock: "none" });
  return {
    layout: pool.layout,
    sequence,
    dataOffset: pool.dataOffset,
    pending,
    data: crc32(pool.transaction((tx) => tx.read(0, pool.dataLength))),
  };
}

/** Copies of a pool's file at each step of its life, as it was and with the data that nobody has written back taken away. */
function lives(place: { path(name?: string): string }): string[] {
  const path = place.path();
  const reopen = () => openPool(path, { lock: "none" });
  let pool = openPool(path, {
    create: true,
    size: 8192,
    layout: "Größen 1",
    slotBytes: 128,
    overflowBytes: 64,
    lock: "none",
    forceGranularity: "cache-line",
  });
  const write = (at: number, length: number, value: number) => () =>
    pool.transaction((tx) => tx.write(at, new Uint8Array(length).fill(value)));
  const steps: (() => void)[] = [
    () => {},
    write(0, 8, 1),
    write(3, 1, 2),
    write(100, 60, 3),
    write(8, 40, 4),
    write(90, 90, 5),
    write(500, 1000, 6),
    write(0, 30, 7),
    () => pool.file.store64(pool.dataOffset, 8),
    write(4, 8, 9),
    () => pool.transaction((tx) => [0, 1000, 2000].forEach((at) => tx.setUint16(at, 10))),
    () => pool = reopen(),
    write(7, 7, 11),
    () => pool.close(),
  ];
  return steps.flatMap((step, index) => {
    const before = readFileSync(path).subarray(4096);
    step();
    const [whole, cut] = [place.path(`${index}`), place.path(`${index} cut`)];
    copyFileSync(path, whole);
    const bytes = readFileSync(path);
    // A transaction that is larger than a slot, a direct store and a settled pool leave nothing that is not written back
    if (pendingIn(whole) > 0) bytes.set(before, 4096);
    writeFileSync(cut, bytes);
    return [whole, cut];
  });
}

test("a reader in Python, written from the page alone, finds what ours does at every step of a pool's life", () => {
  using place = memory();
  const copies = lives(place);
  const found = inPython(copies);
  assertEquals(found as unknown[], copies.map(inTypeScript));
  assert(found.some(({ pending }) => pending! > 2) && found.some(({ pending }) => pending === 0));
  // What was taken away is there again
  for (let i = 0; i < found.length; i += 2) assertEquals(found[i], found[i + 1], `step ${i / 2}`);
});

test("both find the same damage", () => {
  using place = memory();
  const copies = lives(place);
  const bytes = readFileSync(copies[10]!), paths: string[] = [];
  for (const at of [3, 9, 13, 17, 23, 30, 180, 205, 256, 262, 512, 530, 640, 660, 700]) {
    const path = place.path(`damaged ${at}`), damaged = Uint8Array.from(bytes);
    damaged[at]! ^= 0x40;
    writeFileSync(path, damaged);
    paths.push(path);
  }
  let damages = 0;
  for (const [index, found] of inPython(paths).entries()) {
    if (found.damage === undefined) assertEquals(found as unknown, inTypeScript(paths[index]!));
    else {
      damages++;
      assertThrows(() => inTypeScript(paths[index]!), CorruptionError);
    }
  }
  assert(damages >= 10 && damages < paths.length, `${damages} of ${paths.length}`);
});
