// machines: all
/**
 * What open and probe find on each machine: MAP_SYNC where it exists, granularity and durability as in the design's table, and
 * that bytes written there are there again.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { test } from "node:test";
import { open, type OpenOptions, probe } from "../../mod.ts";
import { expected } from "./expected.ts";

const machine = process.env["DAXFILE_TEST_MACHINE"]!;
const device = process.env["DAXFILE_TEST_DEVICE"];
const path = device ?? `${process.env["DAXFILE_TEST_DIR"]}/medium-${process.pid}.dax`;
const creation: OpenOptions = device === undefined ? { create: true, size: 4 << 20 } : {};

test(`open on ${machine} gives what the table says`, () => {
  using file = open(path, creation);
  assertEquals([file.granularity, file.durability, file.mapSync], expected[machine]!);
  assertEquals(file.isStatic, device !== undefined);
  const found = probe(path);
  assertEquals(
    [found.granularity, found.durability, found.mapSync],
    expected[machine]!,
    JSON.stringify(found, null, 1),
  );
});

test(`bytes written on ${machine} are there again`, () => {
  {
    using file = open(path, creation);
    const numbers = file.view(Float64Array, 4096, 512);
    for (let index = 0; index < numbers.length; index++) numbers[index] = index * 1.5;
    file.persist(numbers);
    file.write(100_001, new Uint8Array(70_001).fill(9));
    file.fill(300_000, 5000, 3);
    file.store64(8, 0x0123_4567_89ab_cdefn);
    file.deepFlush(0, 4096);
  }
  using file = open(path);
  const bytes = file.view(Uint8Array);
  assertEquals(file.view(Float64Array, 4096, 512)[511], 511 * 1.5);
  assert(bytes.subarray(100_001, 170_002).every((byte) => byte === 9));
  assertEquals([bytes[100_000], bytes[170_002]], [0, 0]);
  assert(bytes.subarray(300_000, 305_000).every((byte) => byte === 3));
  assertEquals(file.view(BigUint64Array)[1], 0x0123_4567_89ab_cdefn);
});

test(`sync on ${machine} writes everything back`, async () => {
  using file = open(path, creation);
  file.view(Uint8Array).fill(1, 8192, 20_000);
  await file.sync();
});

if (device === undefined) {
  test(`an existing file with holes gets its blocks on ${machine}`, () => {
    open(`${path}.sparse`, { create: true, size: 1 << 20, sparse: true }).close();
    using file = open(`${path}.sparse`);
    file.view(Uint8Array)[500_000] = 1;
    file.persist(500_000, 1);
  });
}
