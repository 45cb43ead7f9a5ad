// When the system fails to write something back, that is thrown and never forgotten: nothing is called durable until written anew.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { library } from "../ffi/library.ts";
import { DaxError, type DaxFile, open } from "../mod.ts";
import { mediumOf } from "../src/medium.ts";
import { Rewritten } from "../src/rewritten.ts";
import { inspect } from "../src/system.ts";
import { makeFile, readAt } from "./helpers/bytes.ts";
import { withNative } from "./helpers/native.ts";
import { failingDisk, medium } from "./helpers/places.ts";

const MiB = 2 ** 20;
const EIO = -5;

function checkFailed(body: () => void, path: string, codes = ["EIO"]): void {
  const error = assertThrows(body, DaxError, path);
  assert(codes.includes(error.code), error.message);
  assert(error.hint !== undefined);
}

async function rejection(file: DaxFile): Promise<DaxError> {
  const error = await file.sync().then(() => undefined, (error) => error);
  assert(error instanceof DaxError, String(error));
  return error;
}

test("a disk that cannot write: persist fails, and again, until the range is written anew", async () => {
  using place = failingDisk();
  using file = open(place.path(), { create: true, size: 24 * MiB });
  // The first device is out of space, then the file system above it fails: either may be reported
  const codes = ["EIO", "ENOSPC"];
  const bytes = file.view(Uint8Array);
  bytes.fill(7);
  checkFailed(() => file.persist(bytes), place.path(), codes);
  // Linux would say that all is well now: a failed page counts as written (msync(2), errseq)
  for (let again = 0; again < 3; again++) {
    checkFailed(() => file.persist(0, 1), place.path(), codes);
    checkFailed(() => file.persist(bytes), place.path(), codes);
    checkFailed(() => file.flush(file.size - 1, 1), place.path(), codes);
    checkFailed(() => file.deepFlush(0, 64), place.path(), codes);
  }
  assert(codes.includes((await rejection(file)).code));

  place.heal();
  checkFailed(() => file.persist(0, 1), place.path(), codes);
  const source = new Uint8Array(5000).fill(8);
  file.write(4000, source);
  file.persist(4000, 5000);
  file.persist(file.view(Uint8Array, 4096, 64));
  checkFailed(() => file.persist(3999, 2), place.path());
  checkFailed(() => file.persist(8999, 2), place.path());
  file.fill(9000, 100, 9);
  file.store64(9104, 1);
  file.persist(4000, 5100);
  checkFailed(() => file.persist(4000, 5112), place.path());
  assertEquals((await rejection(file)).code, "EIO");

  file.write(0, bytes);
  file.persist();
  await file.sync();
  bytes[5] = 5;
  file.persist(5, 1);
  assertEquals([...readAt(place.path(), 4, 2)], [7, 5]);
});

test("that disk lies on tmpfs: only the end of the process is survived, and the reason says so", () => {
  using place = failingDisk();
  using file = open(place.path(), { create: true, size: 4096 });
  assertEquals([file.granularity, file.durability], ["page", "process-exit"]);
  const reason = inspect(place.path(), (descriptor, stat) => mediumOf(descriptor, stat))!.volatile;
  assert(/^loop\d+ lies on .*image: tmpfs lives in memory$/.test(reason!), reason);
});

const attempts: Record<string, (file: DaxFile) => void> = {
  persist: (file) => file.persist(0, 8),
  flush: (file) => file.flush(0, 8),
  deepFlush: (file) => file.deepFlush(0, 8),
  write: (file) => file.write(0, new Uint8Array(8)),
  "write of many": (file) => file.write(0, new Uint8Array(40_000)),
  fill: (file) => file.fill(0, 8),
  store64: (file) => file.store64(0, 1),
};

for (const [name, attempt] of Object.entries(attempts)) {
  test(`${name} that fails is thrown as what the system said, and every range is in doubt`, () => {
    using place = medium();
    makeFile(place.path(), 65536);
    let answer = 0;
    withNative((real) => ({
      daxfile1_persist: (a, b, mode) => answer || real.daxfile1_persist(a!, b!, mode!),
      daxfile1_flush: (a, b, mode) => answer || real.daxfile1_flush(a!, b!, mode!),
      daxfile1_copy: (a, b, c, mode) => answer || real.daxfile1_copy(a!, b!, c!, mode!),
      daxfile1_fill: (a, b, value, mode) => answer || real.daxfile1_fill(a!, b!, value!, mode!),
      daxfile1_store64: (a, low, high, mode) => answer || real.daxfile1_store64(a!, low!, high!, mode!),
    }), () => {
      using file = open(place.path());
      attempt(file);
      answer = -28;
      const error = assertThrows(() => attempt(file), DaxError, place.path());
      assertEquals([error.code, error.operation], ["ENOSPC", name.split(" ")[0]!]);
      answer = 0;
      checkFailed(() => file.persist(60_000, 8), place.path());
      file.write(60_000, new Uint8Array(8));
      file.persist(60_000, 8);
      // A second failure puts that in doubt as well
      answer = EIO;
      assertThrows(() => attempt(file), DaxError);
      answer = 0;
      checkFailed(() => file.persist(60_000, 8), place.path());
      file.fill(0, file.size);
      file.persist();
      attempt(file);
    });
    open(place.path()).close();
  });
}

test("sync that fails rejects, and every range is in doubt", async () => {
  using place = medium();
  using file = open(place.path(), { create: true, size: 65536, forceGranularity: "page" });
  const runtime = library().runtime as { sync(file: number, dataOnly: boolean): Promise<number> };
  const real = runtime.sync;
  runtime.sync = () => Promise.resolve(EIO);
  try {
    const error = await rejection(file);
    assertEquals([error.code, error.operation, error.path], ["EIO", "sync", place.path()]);
  } finally {
    runtime.sync = real;
  }
  assertEquals((await rejection(file)).code, "EIO");
  checkFailed(() => file.persist(0, 8), place.path());
  file.fill(0, 65536);
  await file.sync();
});

test("what was written anew: any ranges, in any order, cover what their bytes cover", () => {
  const size = 64;
  const range = fc.tuple(fc.nat(size - 1), fc.integer({ min: 1, max: 16 }))
    .map(([start, length]) => ({ start, end: Math.min(size, start + length) }));
  const property = fc.property(fc.array(range, { maxLength: 12 }), range, (written, asked) => {
    const rewritten = new Rewritten();
    const bytes = new Uint8Array(size);
    for (const { start, end } of written) {
      rewritten.add(start, end);
      bytes.fill(1, start, end);
    }
    const covered = bytes.subarray(asked.start, asked.end).every((byte) => byte === 1);
    return rewritten.covers(asked.start, asked.end) === covered;
  });
  fc.assert(property, { seed: 0xda7, numRuns: 3000 });
});
