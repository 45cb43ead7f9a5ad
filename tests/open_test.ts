// What open gives: the whole file, its size, its address, and PMDK's cases that have an exact expected result.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import { chmodSync, symlinkSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { DaxError, DaxFile, open } from "../mod.ts";
import { makeFile, makeHole } from "./helpers/bytes.ts";
import { descriptors, disk, mappings, medium, memory, memoryFile } from "./helpers/places.ts";

const MiB = 2 ** 20;

test("open maps the whole of a file and says what it is", () => {
  using place = medium();
  const path = makeFile(place.path(), 16 * MiB);
  using file = open(path);
  assert(file instanceof DaxFile);
  assertEquals(file.path, path);
  assertEquals(file.size, 16 * MiB);
  assertEquals(file.readOnly, false);
  assertEquals(file.closed, false);
  assertEquals(file.isStatic, false);
  assertEquals(file.view(Uint8Array).length, 16 * MiB);
  assertEquals(file.mapSync, file.granularity !== "page");
});

test("a file on a disk has page granularity and survives a power loss", () => {
  using place = disk();
  using file = open(makeFile(place.path(), 16 * MiB), { granularity: "page" });
  assertEquals([file.granularity, file.mapSync, file.durability], ["page", false, "power-loss"]);
});

test("a file on tmpfs has page granularity and survives the process only", () => {
  using place = memory();
  using file = open(makeFile(place.path(), 16 * MiB));
  assertEquals([file.granularity, file.mapSync, file.durability], ["page", false, "process-exit"]);
});

for (const granularity of ["byte", "cache-line"] as const) {
  for (const [name, place] of [["a disk", disk], ["tmpfs", memory]] as const) {
    test(`granularity ${granularity} is refused on ${name}, with the reason`, () => {
      using here = place();
      const path = makeFile(here.path(), 4096);
      const error = assertThrows(() => open(path, { granularity }), DaxError, "it has page");
      assertEquals([error.code, error.path, error.operation], ["ENOTSUP", path, "open"]);
      assert(error.hint !== undefined);
      assert(error.message.includes(granularity));
    });
  }
}

test("a forced granularity is what open gives", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  for (const forceGranularity of ["byte", "cache-line", "page"] as const) {
    using file = open(path, { forceGranularity });
    assertEquals(file.granularity, forceGranularity);
  }
  using file = open(path, { forceGranularity: "byte", granularity: "byte" });
  assertEquals(file.granularity, "byte");
});

test("DAXFILE_FORCE_GRANULARITY counts in any case, nonsense is ignored, the option wins", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  const opened = (value: string, forceGranularity?: "page") => {
    process.env["DAXFILE_FORCE_GRANULARITY"] = value;
    try {
      using file = open(path, forceGranularity === undefined ? {} : { forceGranularity });
      return file.granularity;
    } finally {
      delete process.env["DAXFILE_FORCE_GRANULARITY"];
    }
  };
  for (const value of ["CACHE_LINE", "cache_line", "Cache-Line", "cache-line"]) {
    assertEquals(opened(value), "cache-line", value);
  }
  assertEquals(opened("bYTE"), "byte");
  assertEquals(opened("PAGE"), "page");
  for (const value of ["", "nonsense", "cacheline", " byte", "1"]) assertEquals(opened(value), "page", value);
  assertEquals(opened("byte", "page"), "page");
});

test("a file of 3 KiB is mapped whole, to its last byte", () => {
  using place = medium();
  const path = makeFile(place.path(), 3072);
  using file = open(path);
  assertEquals(file.size, 3072);
  file.view(Uint8Array)[3071] = 7;
  file.persist(3071, 1);
  file.persist();
  assertEquals(file.view(Uint8Array).length, 3072);
  assertEquals(file.view(Float64Array).length, 384);
});

test("a file of one byte", () => {
  using place = medium();
  using file = open(makeFile(place.path(), 1));
  file.write(0, new Uint8Array([9]));
  file.fill(0, 1, 8);
  assertEquals([...file.view(Uint8Array)], [8]);
  assertThrows(() => file.store64(0, 1), RangeError, "1 bytes");
  assertThrows(() => file.view(Uint16Array), RangeError, "0 bytes");
});

test("the address is a multiple of 2 MiB, and of 1 GiB from 2 GiB on", () => {
  using place = medium();
  for (const [byteLength, align] of [[1, 2 * MiB], [16 * MiB, 2 * MiB], [2 ** 31, 2 ** 30]] as const) {
    const path = makeHole(place.path(`${byteLength}.dax`), byteLength);
    using _file = open(path, { sparse: true });
    const [mapping, ...others] = mappings(place.directory);
    assertEquals(others, []);
    assertEquals(mapping!.start % BigInt(align), 0n, `${byteLength} bytes`);
    assertEquals(Number(mapping!.end - mapping!.start), Math.ceil(byteLength / 4096) * 4096);
    assertEquals(mapping!.access, "rw-s");
  }
});

test("memfd of 8192 bytes: opened by its path under /proc, durable to the end of the process", () => {
  using memory = memoryFile(8192);
  using file = open(memory.path);
  assertEquals([file.size, file.granularity, file.durability], [8192, "page", "process-exit"]);
  file.store64(8184, 1);
  assertEquals(file.view(BigUint64Array)[1023], 1n);
});

test("a path is a string, relative or not, a file URL or a symbolic link", () => {
  using place = medium();
  const path = makeFile(place.path("a b%20ü.dax"), 4096);
  open(path).close();
  using byUrl = open(pathToFileURL(path));
  assertEquals(byUrl.path, path);
  byUrl.close();
  symlinkSync(path, place.path("link"));
  open(place.path("link")).close();
  const before = process.cwd();
  process.chdir(place.directory);
  try {
    open("a b%20ü.dax").close();
    open("./link").close();
    open("new.dax", { create: true, size: 4096 }).close();
  } finally {
    process.chdir(before);
  }
  using made = open(place.path("new.dax"));
  assertEquals(made.size, 4096);
});

test("readOnly opens a file that may only be read", () => {
  using place = medium();
  const path = makeFile(place.path(), 4096);
  chmodSync(path, 0o444);
  using file = open(path, { readOnly: true });
  assertEquals(file.readOnly, true);
  assertEquals(file.view(Uint8Array)[4095], 0);
});

test("64 GiB are opened to be read as well as to be written", () => {
  using place = memory();
  const path = makeHole(place.path(), 2 ** 36);
  for (const options of [{ readOnly: true }, { sparse: true }]) {
    using file = open(path, options);
    assertEquals(file.size, 2 ** 36);
    assertEquals(file.view(Uint8Array, 2 ** 36 - 1)[0], 0);
  }
});

test("a refused open leaves no descriptor, mapping or lock behind", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  open(path).close();
  const before = descriptors(place.directory);
  for (const options of [{ granularity: "byte" }, { size: 8192 }, { static: true }] as const) {
    assertThrows(() => open(path, options), DaxError);
    assertEquals(mappings(place.directory), []);
    assertEquals(descriptors(place.directory), before);
    open(path).close();
  }
});
