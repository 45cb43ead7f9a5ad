// machines: ext4 xfs ext4-misaligned ext4-dm ext4-legacy
// kernel: any
//
// align: 2 MiB makes a file whose blocks are mapped by one entry each: shown by counting page faults. Where the kernel has daxctl(2),
// only of a file that is static by it: the rest has nothing to do with the call, and is shown under Debian's kernel.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { clearStatic, DaxError, open, type OpenOptions, type Probe, probe, setStatic } from "../../mod.ts";
import { countHugePages, touch, wereUsed } from "../../src/huge_pages.ts";
import { runsOf } from "../../src/static/block_map.ts";
import { medium, type Place, run } from "../helpers/places.ts";
import { extentsOf, unsealed } from "../helpers/sealing.ts";
import { hasCall } from "./expected.ts";

const MiB = 2 ** 20, align = 2 * MiB;
const machine = process.env["DAXFILE_TEST_MACHINE"]!;
// Where in memory a logical volume lies is not told; that of this machine begins where its device does
const knowsBase = machine !== "ext4-dm";

/** A place where the next free block is one that nobody would choose. */
function crooked(): Place {
  const place = unsealed(medium());
  for (let index = 0; index < 9; index++) {
    writeFileSync(place.path(`filler${index}`), new Uint8Array(4096 * (2 * index + 1)));
  }
  return place;
}

/** Makes a file and writes all of it: what was never written is mapped from a page of zeros, and shows nothing. */
function make(path: string, options: OpenOptions): void {
  using file = open(path, { create: true, ...options });
  file.fill(0, file.size, 1);
}

/** A page of 2 MiB more or less is 511 faults more or less; the runtime itself has one now and then. */
function assertFaults(path: string, size: number, expected: number): void {
  const faults = touch(path, size);
  assert(
    Math.abs(faults - expected) <= 16,
    `${faults} faults, not ${expected}: ${JSON.stringify(extentsOf(path))}`,
  );
}

function hugePagesOf(found: Probe) {
  assert(found.hugePages !== undefined);
  return found.hugePages;
}

for (const size of [8 * MiB, 2 * MiB, 7 * MiB + 123]) {
  test(`a new file of ${size} bytes with align 2 MiB takes one fault for 2 MiB`, { skip: hasCall }, () => {
    using place = crooked();
    const path = place.path();
    make(path, { size, align });
    const whole = Math.floor(size / align);
    const rest = Math.ceil((size - whole * align) / 4096);
    assertFaults(path, size, whole + rest);
    if (knowsBase) {
      assertEquals([hugePagesOf(probe(path)).possible, hugePagesOf(probe(path)).total], [whole, whole]);
    } else assert(hugePagesOf(probe(path)).unknown?.includes("device-mapper"));
  });
}

test("what is possible is what the kernel does, aligned or not", { skip: !knowsBase || hasCall }, () => {
  using place = crooked();
  const base = () => hugePagesOf(probe(place.path("filler0"))).base!;
  for (const [index, wanted] of [0, align, 0, align, 0].entries()) {
    const path = place.path(`file${index}`), size = 6 * MiB + 4096 * index;
    make(path, { size, align: wanted });
    writeFileSync(place.path(`between${index}`), new Uint8Array(4096 * 3));
    const pages = countHugePages(runsOf(extentsOf(path), size), size, base());
    const faults = touch(path, size);
    assertFaults(path, size, Math.ceil(size / 4096) - pages.possible * 511);
    if (wanted > 0) assertEquals(pages.possible, pages.total);
    assertEquals(wereUsed(faults, pages, size), pages.possible > 0);
  }
});

test("static with align 2 MiB", () => {
  using place = crooked();
  const path = place.path();
  const attempt = () => open(path, { create: true, size: 4 * MiB, static: true, align });
  // The kernel with the call knows where a logical volume lies, and says it to nobody
  if (!knowsBase && !hasCall) {
    const error = assertThrows(attempt, DaxError, "device-mapper");
    assertEquals(error.code, "ENOTSUP");
    return;
  }
  attempt().close();
  assertFaults(path, 4 * MiB, 2);
  {
    using file = open(path, { static: true, align });
    assertEquals(file.isStatic, true);
  }
  clearStatic(path);
});

test("what is not aligned is refused, with the reason", () => {
  using place = crooked();
  const path = place.path();
  make(path, { size: 4 * MiB, align });
  // All that follows the first page moves to its place in the file, and stays where it is in memory
  run("fallocate", "--collapse-range", "--offset=0", "--length=4096", path);
  const error = assertThrows(() => setStatic(path, { align }), DaxError);
  assertEquals(error.code, "EINVAL");
  const reasons = knowsBase
    ? [/lies at physical address \d+, which is not aligned to 2097152$/]
    : hasCall
    ? [/^a run of blocks is not aligned to 2097152, in the file or in physical memory;/, /device-mapper/]
    : [/^it lies on device-mapper, which does not tell where in memory its blocks are$/];
  for (const reason of reasons) assertMatch(error.reason, reason);
  setStatic(path);
  clearStatic(path);
});
