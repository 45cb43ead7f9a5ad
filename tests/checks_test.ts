// The reason and the remedy of each check, for media that this machine does not have.
// machines: none, its media are made up

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { Mode } from "../ffi/symbols.ts";
import { decide } from "../src/durability.ts";
import { DaxError } from "../src/errors.ts";
import type { Findings } from "../src/findings.ts";
import type { Medium } from "../src/medium.ts";
import { toProbe } from "../src/probe.ts";
import { loadLibrary, type Stat } from "../src/system.ts";

loadLibrary("test");

const MiB = 2 ** 20;
const region = "/sys/devices/LNXSYSTM:00/ACPI0012:00/ndbus0/region0";
const nvdimm = { name: "pmem0", region, persistenceDomain: "memory_controller" };
const mount = (options: string, point = "/pmem") => ({
  point,
  source: "/dev/pmem0",
  options: options.split(","),
});
const onPmem: Medium = {
  fileSystem: "ext4",
  mount: mount("rw,dax=always"),
  leaves: [nvdimm],
  eadr: false,
  inMemory: false,
};
const stat = { blockBytes: 4096 } as Stat;

/** A file with DAX and MAP_SYNC, but for what is said. */
function findings(change: Partial<Findings> = {}, medium: Medium = onPmem): Findings {
  const { mapSync = true, cpu = Mode.clwb } = change as { mapSync?: boolean; cpu?: number };
  const decision = decide(medium, mapSync, cpu, change.forced);
  const natural = decide(medium, mapSync, cpu);
  const common = {
    path: "f",
    kind: "file",
    access: "write",
    size: MiB,
    isStatic: false,
    lock: { held: "free" },
  } as const;
  return { ...common, stat, medium, dax: true, mapSync, decision, natural, ...change };
}

/** One check of what was found. */
function check(name: string, found: Findings) {
  return toProbe(found).checks.find((check) => check.name === name)!;
}

test("a file on an NVDIMM with DAX has all but eADR", () => {
  const { checks } = toProbe(findings({ staticWay: "seal" }));
  assertEquals(checks.filter(({ ok }) => ok === false).map(({ name }) => name), [
    "persistence domain",
    "static",
  ]);
  assertEquals(check("persistent memory", findings()).value, "pmem0, of region0");
  assertEquals(check("flush instruction", findings()).value, "clwb");
  assertEquals(check("granularity", findings()).value, "cache-line");
});

test("eADR leaves only the fence", () => {
  const eadr = { ...onPmem, eadr: true, leaves: [{ ...nvdimm, persistenceDomain: "cpu_cache" }] };
  const found = findings({ staticWay: "seal" }, eadr);
  assertEquals(toProbe(found).checks.filter(({ ok }) => ok === false).map(({ name }) => name), ["static"]);
  assertEquals(check("flush instruction", found).value, "none needed: a fence is enough");
  assertEquals(check("persistence domain", found).ok, true);
  assertEquals([toProbe(found).granularity, toProbe(found).cachesPersistent], ["byte", true]);
});

test("regions that differ are both named", () => {
  const leaves = [{ ...nvdimm, persistenceDomain: "cpu_cache" }, { ...nvdimm, name: "pmem1" }];
  const domain = check("persistence domain", findings({}, { ...onPmem, leaves }));
  assertEquals([domain.ok, domain.value], [false, "pmem0: CPU caches, pmem1: memory controller"]);
});

test("a platform that says nothing of its persistence domain", () => {
  const leaves = [{ ...nvdimm, persistenceDomain: "" }];
  assertEquals(check("persistence domain", findings({}, { ...onPmem, leaves })).ok, null);
});

/** Why DAX is off on persistent memory: what was found, what the reason says, what the remedy says. */
const withoutDax: [string, Partial<Findings>, Partial<Medium>, RegExp, RegExp][] = [
  ["a file system that has none", {}, { fileSystem: "btrfs" }, /btrfs has none/, /ext4 or XFS/],
  [
    "a namespace in sector mode",
    { offersDax: false },
    { leaves: [{ ...nvdimm, name: "pmem0s" }] },
    /sector mode/,
    /ndctl create-namespace .*--mode=fsdax/,
  ],
  ["a device that does not offer it", { offersDax: false }, {}, /does not offer/, /multiple of 4096/],
  ["small blocks", { stat: { blockBytes: 1024 } as Stat }, {}, /blocks of 1024 bytes/, /mkfs -b/],
  ["dax=never", {}, { mount: mount("rw,dax=never") }, /dax=never/, /mount -o dax=always \/dev\/pmem0 \/pmem/],
  [
    "no mount option",
    {},
    { mount: mount("rw") },
    /neither the file is marked/,
    /umount \/pmem.*chattr \+x DIR/,
  ],
  [
    "no mount option on XFS",
    {},
    { fileSystem: "xfs", mount: mount("rw") },
    /neither/,
    /xfs_io -c 'chattr \+x'/,
  ],
  ["dax=always, and yet", {}, {}, /and yet/, /cp --reflink=never/],
];

for (const [name, found, medium, reason, remedy] of withoutDax) {
  test(`no DAX for ${name}`, () => {
    const all = findings({ dax: false, mapSync: false, offersDax: true, ...found }, { ...onPmem, ...medium });
    const dax = check("DAX", all);
    assertEquals(dax.ok, false);
    assertMatch(dax.reason!, reason);
    assertMatch(dax.remedy!, remedy);
    assertEquals(check("MAP_SYNC", all).reason, "it needs DAX");
  });
}

test("a kernel that does not tell of DAX is not said to have none", () => {
  const { dax: _, ...found } = findings({ mapSync: false }, { ...onPmem, mount: mount("rw") });
  assertEquals(check("DAX", found).ok, null);
  assertEquals("dax" in toProbe(found), false);
});

test("virtio-pmem has DAX and no MAP_SYNC, and is told to be asked by msync", () => {
  const leaves = [{
    name: "pmem0",
    region: "/sys/devices/pci0/virtio3/ndbus0/region0",
    persistenceDomain: "",
  }];
  const found = findings({ mapSync: false }, { ...onPmem, leaves });
  const { ok, reason, remedy } = check("MAP_SYNC", found);
  assertEquals(ok, false);
  assertStringIncludes(reason!, "virtio-pmem");
  assertStringIncludes(remedy!, "nvdimm");
  assertEquals(toProbe(found).durability, "power-loss");
});

test("memory that is only called persistent is not said to be", () => {
  const leaves = [{ ...nvdimm, volatile: "memmap" }];
  const found = findings({}, { ...onPmem, leaves, volatile: "pmem0: memmap" });
  assertEquals([check("persistent memory", found).ok, check("durability", found).ok], [false, false]);
});

test("a file system without barriers can be mounted with them", () => {
  const volatile = "the file system is mounted without barriers, so a disk's own cache is never flushed";
  const found = findings({ mapSync: false }, { ...onPmem, leaves: [{ name: "sda" }], volatile });
  assertEquals(check("durability", found).remedy, "Mount it with barriers");
});

test("a device-dax has no file system, no blocks to allocate, and is static", () => {
  const medium: Medium = {
    fileSystem: "device-dax",
    leaves: [{ ...nvdimm, name: "dax0.0" }],
    eadr: false,
    inMemory: false,
  };
  const found = findings({ kind: "device-dax", isStatic: true }, medium);
  const { checks } = toProbe(found);
  assertEquals(checks.filter(({ ok }) => ok === false).map(({ name }) => name), ["persistence domain"]);
  assertEquals(checks.some(({ name }) => name === "allocation"), false);
  assertEquals(check("static", found).ok, true);
});

for (const [method, reason] of [[Mode.clflush, /neither clwb/], [Mode.cvac, /no dc cvap/]] as const) {
  test(`a processor that has nothing better than method ${method} is told`, () => {
    assertMatch(check("flush instruction", findings({ cpu: method } as Partial<Findings>)).reason!, reason);
  });
}

test("shared, unwritten and delayed extents", () => {
  const extents = { count: 1, holeBytes: 0, unwrittenBytes: 0, sharedBytes: 0, delayedBytes: 0, runs: [] };
  const allocation = (change: object) =>
    check("allocation", findings({ extents: { ...extents, ...change } }));
  assertEquals(allocation({}), { name: "allocation", ok: true, value: "all of 1 MiB in 1 extent" });
  assertEquals(allocation({ sharedBytes: 4096 }).ok, false);
  assertStringIncludes(allocation({ sharedBytes: 4096 }).reason!, "4 KiB are shared");
  assertEquals(allocation({ unwrittenBytes: MiB }).ok, true);
  assertStringIncludes(allocation({ unwrittenBytes: MiB }).reason!, "never written");
  assertStringIncludes(allocation({ delayedBytes: MiB }).reason!, "with the next sync");
});

test("a file is static, could be, cannot, or it is not known", () => {
  assertEquals(check("static", findings({ isStatic: true, staticWay: "seal" })).ok, true);
  const could = check("static", findings({ staticWay: "system call" }));
  assertEquals([could.ok, could.value], [false, "no, and can be by daxctl(2)"]);
  assertStringIncludes(could.remedy!, "setStatic()");
  const refusal = { error: "ENOTSUP", reason: "because", hint: "hint" } as const;
  const cannot = check("static", findings({ staticRefusal: refusal }));
  assertEquals([cannot.ok, cannot.reason, cannot.remedy], [false, "because (ENOTSUP)", "hint"]);
  const unknown = check("static", findings({ untried: "it was not tried" }));
  assertEquals([unknown.ok, unknown.reason], [null, "it was not tried"]);
});

test("a file system without locks", () => {
  const error = new DaxError({ operation: "lock", error: "ENOLCK", hint: "hint" });
  const found = findings({ lock: { held: "unknown", error } });
  assertEquals(check("lock", found).value, "not to be had");
  assertEquals(toProbe(found).refusal?.code, "ENOLCK");
});
