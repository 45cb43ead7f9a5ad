// The table "What durable means", row by row: what the kernel gave and where the file lies decide how it is written back.
// machines: none, its media are made up; vm/medium_test.ts has the same table on each machine

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { Mode } from "../ffi/symbols.ts";
import { open } from "../mod.ts";
import { decide, forcedByEnvironment, methodName, toGranularity } from "../src/durability.ts";
import type { Medium } from "../src/medium.ts";
import { makeFile } from "./helpers/bytes.ts";
import { disk, memory } from "./helpers/places.ts";

/** The answer of a processor with CLWB, 512-bit registers and pages of 4 KiB. */
const cpu = Mode.clwb | Mode.avx | Mode.avx512 | (12 << Mode.pageShift);

const region = {
  name: "pmem0",
  region: "/sys/devices/LNXSYSTM:00/ndbus0/region0",
  persistenceDomain: "memory_controller",
};
const fsdax: Medium = { fileSystem: "ext4", leaves: [region], eadr: false, inMemory: false };
const media = {
  fsdax,
  eadr: { ...fsdax, eadr: true, leaves: [{ ...region, persistenceDomain: "cpu_cache" }] },
  virtio: { ...fsdax, leaves: [{ name: "pmem0", region: "/sys/devices/pci0000:00/virtio1/ndbus0/region0" }] },
  device: { ...fsdax, fileSystem: "device-dax" },
  emulated: { ...fsdax, volatile: "pmem0: the kernel was told to take ordinary memory for it" },
  disk: { ...fsdax, leaves: [{ name: "nvme0n1" }] },
  tmpfs: { fileSystem: "tmpfs", leaves: [], eadr: false, inMemory: true, volatile: "tmpfs lives in memory" },
  unknown: { ...fsdax, leaves: [], volatile: "what lies under fuse cannot be seen from here" },
} satisfies Record<string, Medium>;

type Row = readonly [
  medium: keyof typeof media,
  mapSync: boolean,
  granularity: "byte" | "cache-line" | "page",
  method: string,
  durability: "power-loss" | "process-exit",
  granularityReason?: RegExp,
];

const rows: readonly Row[] = [
  ["fsdax", true, "cache-line", "clwb", "power-loss", /outside the persistence domain/],
  ["device", true, "cache-line", "clwb", "power-loss", /outside the persistence domain/],
  ["eadr", true, "byte", "fence only", "power-loss"],
  ["eadr", false, "page", "msync", "power-loss", /refused MAP_SYNC/],
  ["virtio", false, "page", "msync", "power-loss", /virtio-pmem has no MAP_SYNC/],
  ["fsdax", false, "page", "msync", "power-loss", /not mounted with DAX/],
  ["device", false, "page", "msync", "power-loss", /refused MAP_SYNC/],
  ["disk", false, "page", "msync", "power-loss", /not on persistent memory/],
  ["tmpfs", false, "page", "fence only", "process-exit", /ordinary memory/],
  ["emulated", true, "cache-line", "clwb", "process-exit", /outside the persistence domain/],
  ["unknown", false, "page", "msync", "process-exit", /not on persistent memory/],
];

for (const [name, mapSync, granularity, method, durability, reason] of rows) {
  test(`${name} ${mapSync ? "with" : "without"} MAP_SYNC: ${granularity}, ${method}, ${durability}`, () => {
    const medium = media[name];
    const decision = decide(medium, mapSync, cpu);
    assertEquals([decision.granularity, decision.durability], [granularity, durability]);
    assertEquals(methodName(decision.mode), method);
    assertEquals(decision.mode & ~Mode.methodMask, cpu & ~Mode.methodMask);
    if (reason === undefined) assertEquals("granularityReason" in decision, false);
    else assert(reason.test(decision.granularityReason!), decision.granularityReason);
    assertEquals(decision.durabilityReason, (medium as Medium).volatile);
  });
}

const finest = { "byte": 0, "cache-line": 1, "page": 2 };
const forcedMethods = { "byte": "fence only", "cache-line": "clwb", "page": "msync" };

for (const [name, mapSync, natural, , durability] of rows) {
  for (const forced of ["byte", "cache-line", "page"] as const) {
    const finer = finest[forced] < finest[natural];
    test(`${name}, ${natural} by nature, forced to ${forced}: ${finer ? "process-exit" : durability}`, () => {
      const decision = decide(media[name], mapSync, cpu, forced);
      assertEquals(decision.granularity, forced);
      assertEquals(methodName(decision.mode), forcedMethods[forced]);
      assertEquals(decision.durability, finer ? "process-exit" : durability);
      assert(decision.granularityReason?.includes(`${forced} was forced`));
      if (finer) assert(decision.durabilityReason?.includes(`only ${natural} granularity`));
    });
  }
}

test("the best method of each processor is taken over as it is", () => {
  const names = ["clwb", "clflushopt", "clflush", "dc cvap", "dc cvac"] as const;
  for (const [index, method] of [Mode.clwb, Mode.clflushopt, Mode.clflush, Mode.cvap, Mode.cvac].entries()) {
    const { mode } = decide(media.fsdax, true, method | (16 << Mode.pageShift));
    assertEquals([methodName(mode), mode >>> Mode.pageShift], [names[index]!, 16]);
  }
});

test("the environment forces in any case, with _ or -, and nonsense does not", () => {
  for (const value of ["CACHE_LINE", "cache_line", "Cache-Line"]) {
    assertEquals(forcedByEnvironment(value), "cache-line");
  }
  assertEquals([forcedByEnvironment("BYTE"), forcedByEnvironment("Page")], ["byte", "page"]);
  for (const value of [undefined, "", "line", "cache line", "0", "page "]) {
    assertEquals(forcedByEnvironment(value), undefined);
  }
});

test("a granularity has one of three names", () => {
  for (const name of ["byte", "cache-line", "page"]) {
    assertEquals<string>(toGranularity(name, "granularity"), name);
  }
  for (const value of ["Byte", "", undefined, null, 0, {}]) {
    assertThrows(
      () => toGranularity(value, "granularity"),
      TypeError,
      "granularity is one of byte, cache-line, page",
    );
  }
});

test("a file on a disk that is forced finer promises only the end of the process", () => {
  using place = disk();
  const path = makeFile(place.path(), 4096);
  const expected = { "byte": "process-exit", "cache-line": "process-exit", "page": "power-loss" } as const;
  for (const forceGranularity of ["byte", "cache-line", "page"] as const) {
    using file = open(path, { forceGranularity });
    assertEquals(file.durability, expected[forceGranularity]);
  }
});

test("a file on tmpfs promises only the end of the process, whatever is forced", () => {
  using place = memory();
  const path = makeFile(place.path(), 4096);
  for (const forceGranularity of ["byte", "cache-line", "page"] as const) {
    using file = open(path, { forceGranularity });
    assertEquals([file.granularity, file.durability], [forceGranularity, "process-exit"]);
  }
});
