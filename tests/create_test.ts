// Making files: whole or not at all, of the right size, allocated, and never twice.
// machines: files

import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import { existsSync, readdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { DaxError, open } from "../mod.ts";
import { makeFile, makeHole, readAt } from "./helpers/bytes.ts";
import { startChild, there } from "./helpers/child.ts";
import { withNative } from "./helpers/native.ts";
import { descriptors, disk, mappings, medium, memory, type Place, smallTmpfs } from "./helpers/places.ts";

const MiB = 2 ** 20;

/** Bytes that a file takes on its medium. */
const allocated = (path: string) => statSync(path).blocks * 512;

test("create makes a file of zeros, and opens it the next time", () => {
  using place = medium();
  for (const size of [1, 3072, 4096, 5 * MiB + 1]) {
    const path = place.path(`${size}.dax`);
    {
      using file = open(path, { create: true, size });
      assertEquals(file.size, size);
      assert(file.view(Uint8Array).every((byte) => byte === 0));
      file.write(size - 1, new Uint8Array([5]));
    }
    assertEquals(statSync(path).size, size);
    using again = open(path, { create: true, size });
    assertEquals(again.view(Uint8Array, size - 1)[0], 5);
  }
});

for (const [name, at] of [["the medium", medium], ["tmpfs", memory]] as const) {
  test(`create on ${name} allocates every block, and none with sparse`, () => {
    using place = at();
    open(place.path("full.dax"), { create: true, size: 4 * MiB }).close();
    assertGreaterOrEqual(allocated(place.path("full.dax")), 4 * MiB);
    open(place.path("sparse.dax"), { create: true, size: 4 * MiB, sparse: true }).close();
    assertEquals(allocated(place.path("sparse.dax")), 0);
    assertEquals(statSync(place.path("sparse.dax")).size, 4 * MiB);
  });

  test(`opening a file on ${name} to write allocates its holes, and keeps its bytes`, () => {
    using place = at();
    const path = place.path();
    writeFileSync(path, "head");
    truncateSync(path, 4 * MiB);
    open(path, { readOnly: true }).close();
    open(path, { sparse: true }).close();
    assert(allocated(path) <= 64 * 1024);
    open(path).close();
    assertGreaterOrEqual(allocated(path), 4 * MiB);
    assertEquals(statSync(path).size, 4 * MiB);
    assertEquals(new TextDecoder().decode(readAt(path, 0, 4)), "head");
  });
}

test("a file whose opening is refused keeps its holes", () => {
  using place = disk();
  const path = makeHole(place.path(), 4 * MiB);
  for (const options of [{ granularity: "byte" }, { static: true }, { size: 4096 }] as const) {
    assertThrows(() => open(path, options), DaxError);
    assertEquals(allocated(path), 0);
  }
});

test("a file that is made but cannot be opened as asked is not made", () => {
  using place = disk();
  for (const options of [{ granularity: "byte" }, { static: true }] as const) {
    const error = assertThrows(() => open(place.path(), { create: true, size: 4096, ...options }), DaxError);
    assertEquals(error.code, "ENOTSUP");
    assertEquals(readdirSync(place.directory), []);
  }
});

test("create without a size is a TypeError, and needs none for a file that is there", () => {
  using place = medium();
  assertThrows(() => open(place.path(), { create: true }), TypeError, "without a size");
  assertEquals(existsSync(place.path()), false);
  makeFile(place.path(), 100);
  using file = open(place.path(), { create: true });
  assertEquals(file.size, 100);
});

test("exclusive: an existing file is EEXIST and stays as it is", () => {
  using place = medium();
  const path = place.path();
  open(path, { create: true, exclusive: true, size: 4096 }).close();
  const before = descriptors(place.directory);
  const error = assertThrows(() => open(path, { create: true, exclusive: true, size: 4096 }), DaxError, path);
  assertEquals(error.code, "EEXIST");
  assertEquals(descriptors(place.directory), before);
  open(path).close();
});

test("mode is that of the new file, less the umask; an existing one keeps its own", () => {
  using place = medium();
  const made = (name: string, mode?: number) => {
    open(place.path(name), { create: true, size: 4096, ...(mode === undefined ? {} : { mode }) }).close();
    return statSync(place.path(name)).mode & 0o7777;
  };
  const before = process.umask(0o027);
  try {
    assertEquals(made("default"), 0o640);
    assertEquals(made("given", 0o666), 0o640);
    assertEquals(made("own", 0o600), 0o600);
    assertEquals(made("own", 0o666), 0o600);
  } finally {
    process.umask(before);
  }
});

test("a full disk: ENOSPC with the number of bytes, and nothing of the file is left", () => {
  using place = smallTmpfs(MiB);
  const before = descriptors(place.directory);
  const error = assertThrows(
    () => open(place.path(), { create: true, size: 2 * MiB }),
    DaxError,
    place.path(),
  );
  assertEquals([error.code, error.operation], ["ENOSPC", "create"]);
  assert(error.hint?.includes(`${2 * MiB} bytes`));
  assertEquals(readdirSync(place.directory), []);
  assertEquals(descriptors(place.directory), before);
  open(place.path(), { create: true, size: 900 * 1024 }).close();
});

test("a full disk: holes that cannot be allocated are ENOSPC at open, not a fault later", () => {
  using place = smallTmpfs(MiB);
  const path = makeHole(place.path(), 2 * MiB);
  const error = assertThrows(() => open(path), DaxError, path);
  assertEquals([error.code, error.operation], ["ENOSPC", "allocate"]);
  assert(error.hint?.includes("sparse"));
  using file = open(path, { sparse: true });
  assertEquals(file.size, 2 * MiB);
});

test("a symbolic link that leads nowhere is not followed to a new file", () => {
  using place = medium();
  symlinkSync(place.path("missing"), place.path("link"));
  const error = assertThrows(() => open(place.path("link"), { create: true, size: 4096 }), DaxError, "link");
  assertEquals(error.code, "ENOENT");
  assert(error.hint?.includes("symbolic link"));
  assertEquals(readdirSync(place.directory), ["link"]);
});

/** A file system that knows neither O_TMPFILE nor, if asked, fallocate. */
function withoutUnnamedFiles(place: Place, fallocate: boolean, body: () => void): void {
  const unnamedFlag = 0o20000000;
  withNative((real) => ({
    daxfile1_open: (...[path, flags, mode]: number[]) =>
      (flags! & unnamedFlag) !== 0 ? -95 : real.daxfile1_open(path!, flags!, mode!),
    ...(!fallocate && { daxfile1_allocate: () => -95 }),
  }), body);
  assertEquals(mappings(place.directory), []);
}

for (const fallocate of [true, false]) {
  test(`a file system without unnamed files${fallocate ? "" : " and without fallocate"}`, () => {
    using place = memory();
    const size = MiB + 5;
    withoutUnnamedFiles(place, fallocate, () => {
      using file = open(place.path(), { create: true, size });
      assertEquals(file.size, size);
      assertGreaterOrEqual(allocated(place.path()), size);
      const error = assertThrows(
        () => open(place.path("no"), { create: true, size, static: true }),
        DaxError,
      );
      assertEquals(error.code, "ENOTSUP");
    });
    assertEquals(readdirSync(place.directory), ["file.dax"]);
    const path = makeHole(place.path("hole"), size);
    writeFileSync(path, "head", { flag: "r+" });
    withoutUnnamedFiles(place, fallocate, () => open(path).close());
    assertGreaterOrEqual(allocated(path), size);
    assertEquals(new TextDecoder().decode(readAt(path, 0, 4)), "head");
  });

  test(`the same${fallocate ? "" : " and without fallocate"}: a full disk leaves nothing`, () => {
    using place = smallTmpfs(MiB);
    withoutUnnamedFiles(place, fallocate, () => {
      const error = assertThrows(() => open(place.path(), { create: true, size: 2 * MiB }), DaxError);
      assertEquals(error.code, "ENOSPC");
    });
    assertEquals(readdirSync(place.directory), []);
  });
}

const creator = (path: string, rounds: number) => `
  import { DaxError, open } from "@daxfile/daxfile";
  import { createInterface } from "node:readline";
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log("ready");
  await lines.next();
  for (let round = 0; round < ${rounds}; round++) {
    try {
      using file = open(${JSON.stringify(path)} + round, { create: true, size: ${MiB} + 4 });
      file.store64(0, file.view(BigUint64Array, 0, 1)[0] + 1n);
      console.log("opened " + file.size);
    } catch (error) {
      if (!(error instanceof DaxError)) throw error;
      console.log(error.code);
    }
  }
  process.exit(0);
`;

test("two processes that make the same file: one does, and both have it whole or get EBUSY", async () => {
  using place = medium();
  const rounds = 40;
  await using one = startChild(creator(place.path("race"), rounds));
  await using other = startChild(creator(place.path("race"), rounds), { runtime: there });
  assertEquals([await one.line(), await other.line()], ["ready", "ready"]);
  one.send("go");
  other.send("go");
  for (let round = 0; round < rounds; round++) {
    const answers = [await one.line(), await other.line()];
    const opened = answers.filter((answer) => answer === `opened ${MiB + 4}`).length;
    assert(opened >= 1, `round ${round}: ${answers}`);
    assert(answers.every((answer) => answer === "EBUSY" || answer === `opened ${MiB + 4}`), String(answers));
    using file = open(place.path(`race${round}`), { lock: "none" });
    assertEquals(file.size, MiB + 4);
  }
  await one.ended;
  await other.ended;
  for (let round = 0; round < rounds; round++) {
    assertGreaterOrEqual(allocated(place.path(`race${round}`)), MiB + 4);
  }
});

test("a creator that is killed leaves nothing or a whole file", async () => {
  using place = medium();
  const size = 8 * MiB + 8;
  for (const letter of "abcdef") {
    await using child = startChild(`
      import { open } from "@daxfile/daxfile";
      console.log("ready");
      for (let i = 0;; i++) open(${
      JSON.stringify(place.path(letter))
    } + i, { create: true, size: ${size} }).close();
    `);
    await child.line();
    // Killed wherever it is once it has made a few
    while (!existsSync(place.path(`${letter}1`))) await new Promise((resolve) => setImmediate(resolve));
    child.kill();
    await child.ended;
    for (const name of readdirSync(place.directory)) {
      assertEquals(statSync(place.path(name)).size, size, name);
      assertGreaterOrEqual(allocated(place.path(name)), size, name);
    }
  }
});
