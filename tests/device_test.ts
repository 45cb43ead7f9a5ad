// What lies under a device number, in trees of sysfs that this machine does not have.
// machines: none, its media are made up

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { cachesArePersistent, leavesOf, needHost, offersDax, type SystemFiles } from "../src/device.ts";

/** A tree: a path to its text, or to where it links as `["…"]`. */
type Tree = Record<string, string | readonly [string]>;

/** Reads a tree as the kernel's own is read. */
function filesOf(tree: Tree): SystemFiles {
  return {
    readText(path) {
      const found = tree[path];
      return typeof found === "string" ? found : undefined;
    },
    readLink(path) {
      const found = tree[path];
      return typeof found === "object" ? found[0] : undefined;
    },
    listDirectory(path) {
      const below = Object.keys(tree).filter((name) => name.startsWith(`${path}/`));
      return [...new Set(below.map((name) => name.slice(path.length + 1).split("/")[0]!))];
    },
  };
}

const bus = "/sys/devices/LNXSYSTM:00/ACPI0012:00/ndbus0";
const virtual = "/sys/devices/virtual/block";

/** A namespace in fsdax mode, its region with a domain. */
function pmem(number: number, domain: string | undefined, minor = number): Tree {
  const region = `${bus}/region${number}`;
  const disk = `${region}/pfn${number}.0/block/pmem${number}`;
  return {
    [`/sys/dev/block/259:${minor}`]: [`../../${disk.slice("/sys/".length)}`],
    ...(domain !== undefined && { [`${region}/persistence_domain`]: `${domain}\n` }),
    [`${disk}/queue/dax`]: "1\n",
  };
}

/** Its first partition. */
function partition(number: number, minor: number): Tree {
  const path = `${bus}/region${number}/pfn${number}.0/block/pmem${number}/pmem${number}p1`;
  return {
    [`/sys/dev/block/259:${minor}`]: [`../../${path.slice("/sys/".length)}`],
    [`${path}/partition`]: "1\n",
  };
}

/** A device-mapper target over others, given by their paths from /sys/devices. */
function mapper(below: Record<string, string>, number = 0): Tree {
  const path = `${virtual}/dm-${number}`;
  const slaves = Object.entries(below).map(([name, where]) =>
    [`${path}/slaves/${name}`, [`../../../../${where}`]] as const
  );
  return {
    [`/sys/dev/block/252:${number}`]: [`../../devices/virtual/block/dm-${number}`],
    ...Object.fromEntries(slaves),
  };
}

const where = (number: number) =>
  `LNXSYSTM:00/ACPI0012:00/ndbus0/region${number}/pfn${number}.0/block/pmem${number}`;

function leaves(tree: Tree, major: number, minor: number) {
  return leavesOf("block", { major, minor }, filesOf(tree));
}

test("a namespace is found with its region and the region's persistence domain", () => {
  const found = leaves(pmem(0, "cpu_cache"), 259, 0);
  assertEquals(found, [{ name: "pmem0", region: `${bus}/region0`, persistenceDomain: "cpu_cache" }]);
});

for (
  const [domain, eadr] of [["cpu_cache", true], ["memory_controller", false], ["unknown", false]] as const
) {
  test(`a region that says ${domain}: ${eadr ? "eADR" : "no eADR"}, through partition and device-mapper`, () => {
    const tree = { ...pmem(0, domain), ...partition(0, 7), ...mapper({ pmem0p1: `${where(0)}/pmem0p1` }) };
    for (
      const [major, minor, name] of [[259, 0, "pmem0"], [259, 7, "pmem0p1"], [252, 0, "pmem0p1"]] as const
    ) {
      const found = leaves(tree, major, minor);
      assertEquals(found.map((leaf) => leaf.name), [name]);
      assertEquals(found[0]!.persistenceDomain, domain);
      assertEquals(cachesArePersistent(found), eadr, name);
    }
  });
}

test("a platform that says nothing has no eADR", () => {
  assertEquals(cachesArePersistent(leaves(pmem(0, undefined), 259, 0)), false);
});

test("one region without eADR is enough to have none", () => {
  const both = mapper({ pmem0: where(0), pmem1: where(1) });
  const mixed = leaves({ ...pmem(0, "cpu_cache"), ...pmem(1, "memory_controller"), ...both }, 252, 0);
  assertEquals(mixed.map((leaf) => leaf.persistenceDomain), ["cpu_cache", "memory_controller"]);
  assertEquals(cachesArePersistent(mixed), false);
  const alike = leaves({ ...pmem(0, "cpu_cache"), ...pmem(1, "cpu_cache"), ...both }, 252, 0);
  assertEquals(cachesArePersistent(alike), true);
});

test("another disk beside the persistent memory is enough to have no eADR", () => {
  const tree = { ...pmem(0, "cpu_cache"), ...mapper({ pmem0: where(0), sda: "pci0000:00/block/sda" }) };
  assertEquals(leaves(tree, 252, 0).map((leaf) => leaf.name), ["pmem0", "sda"]);
  assertEquals(cachesArePersistent(leaves(tree, 252, 0)), false);
});

test("device-mapper on device-mapper leads to what lies at the bottom", () => {
  const tree = {
    ...pmem(0, "cpu_cache"),
    ...mapper({ pmem0: where(0) }, 0),
    ...mapper({ "dm-0": "virtual/block/dm-0" }, 1),
  };
  assertEquals(leaves(tree, 252, 1).map((leaf) => leaf.name), ["pmem0"]);
});

test("no device at all has no eADR, and a number that sysfs does not know has no device", () => {
  assertEquals(leaves({}, 8, 0), []);
  assertEquals(cachesArePersistent([]), false);
});

test("devices that lead to themselves, or that sysfs does not show, are not said to survive", () => {
  const circle = leaves(mapper({ "dm-0": "virtual/block/dm-0" }), 252, 0);
  assertEquals(circle.map((leaf) => typeof leaf.volatile), ["string"]);
  const tree = { ...mapper({ sda: "pci0000:00/block/sda" }), [`${virtual}/dm-0/slaves/gone`]: "no link" };
  const found = leaves(tree, 252, 0);
  assertEquals(found.map((leaf) => [leaf.name, leaf.volatile === undefined]), [["sda", true], [
    "gone",
    false,
  ]]);
});

test("a loop device names the file behind it, and so does a partition of it", () => {
  const tree = {
    "/sys/dev/block/7:0": ["../../devices/virtual/block/loop0"],
    "/sys/dev/block/259:3": ["../../devices/virtual/block/loop0/loop0p1"],
    [`${virtual}/loop0/loop/backing_file`]: "/dev/shm/image\n",
    [`${virtual}/loop0/loop0p1/partition`]: "1\n",
  } as const;
  assertEquals(leaves(tree, 7, 0), [{ name: "loop0", backingFile: "/dev/shm/image" }]);
  assertEquals(leaves(tree, 259, 3), [{ name: "loop0p1", backingFile: "/dev/shm/image" }]);
});

test("a partition of a RAID has the RAID's disks", () => {
  const tree = {
    "/sys/dev/block/259:4": ["../../devices/virtual/block/md0/md0p1"],
    [`${virtual}/md0/md0p1/partition`]: "1\n",
    [`${virtual}/md0/slaves/zram0`]: ["../../zram0"],
    [`${virtual}/md0/slaves/sda`]: ["../../../../pci0000:00/block/sda"],
  } as const;
  const found = leaves(tree, 259, 4);
  assertEquals(found.map((leaf) => [leaf.name, leaf.volatile !== undefined]), [["zram0", true], [
    "sda",
    false,
  ]]);
});

for (const name of ["ram0", "zram3", "nullb0"]) {
  test(`${name} is a disk in ordinary memory`, () => {
    const found = leaves({ "/sys/dev/block/1:0": [`../../devices/virtual/block/${name}`] }, 1, 0);
    assertEquals(found.map((leaf) => leaf.volatile), ["it is a disk in ordinary memory"]);
  });
}

test("an ordinary disk and its partition are themselves", () => {
  const disk = "/sys/devices/pci0000:00/block/nvme0n1";
  const tree = {
    "/sys/dev/block/259:8": [`../../${disk.slice("/sys/".length)}/nvme0n1p2`],
    [`${disk}/nvme0n1p2/partition`]: "2\n",
  } as const;
  assertEquals(leaves(tree, 259, 8), [{ name: "nvme0n1p2" }]);
});

test("memory that the kernel was told to call persistent is not: memmap=, and nothing else of that provider", () => {
  const tree = { ...pmem(0, "memory_controller"), [`${bus}/provider`]: "e820\n" };
  const volatile = (cmdline: string) => leaves({ ...tree, "/proc/cmdline": cmdline }, 259, 0)[0]!.volatile;
  assertEquals(volatile("quiet memmap=1G!4G")?.includes("memmap"), true);
  assertEquals(volatile("quiet memmap=1G$4G"), undefined);
});

test("a device-dax of an NVDIMM has its region; one of ordinary memory has none and does not survive", () => {
  const nvdimm = filesOf({
    "/sys/dev/char/250:0": [`../../${bus.slice("/sys/".length)}/region2/dax2.1/dax2.0`],
    [`${bus}/region2/persistence_domain`]: "memory_controller\n",
  });
  const [leaf] = leavesOf("char", { major: 250, minor: 0 }, nvdimm);
  assertEquals([leaf!.name, leaf!.region, leaf!.volatile], ["dax2.0", `${bus}/region2`, undefined]);
  const ordinary = filesOf({ "/sys/dev/char/250:1": ["../../devices/platform/hmem.0/dax0.0"] });
  const [other] = leavesOf("char", { major: 250, minor: 1 }, ordinary);
  assertEquals([other!.name, other!.region, typeof other!.volatile], ["dax0.0", undefined, "string"]);
});

test("a device of virtio needs its host to be asked; one beside it makes no difference", () => {
  const leaf = (where: string) => ({ name: "pmem0", region: `/sys/devices/${where}/ndbus1/region6` });
  assertEquals(needHost([leaf("pci0000:00/0000:00:01.0/virtio0")]), true);
  assertEquals(needHost([leaf("LNXSYSTM:00/ACPI0012:00"), leaf("pci0000:00/0000:00:01.0/virtio0")]), true);
  assertEquals(needHost([leaf("LNXSYSTM:00/ACPI0012:00"), { name: "sda" }]), false);
  assertEquals(needHost([]), false);
});

test("whether a device can be mapped directly is its disk's to say", () => {
  const files = filesOf({ ...pmem(0, "cpu_cache"), ...partition(0, 7) });
  assertEquals(offersDax({ major: 259, minor: 0 }, files), true);
  assertEquals(offersDax({ major: 259, minor: 7 }, files), true);
  assertEquals(offersDax({ major: 8, minor: 0 }, files), undefined);
  const disk = filesOf({
    "/sys/dev/block/8:0": ["../../devices/pci0000:00/block/sda"],
    "/sys/devices/pci0000:00/block/sda/queue/dax": "0\n",
  });
  assertEquals(offersDax({ major: 8, minor: 0 }, disk), false);
});
