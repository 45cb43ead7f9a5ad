/** The media that a file can lie on, as the kernel shows them in /proc and /sys, and what each really keeps. */

import { Mode } from "../../../ffi/symbols.ts";
import type { Granularity } from "../../trace/refine.ts";

/** A machine with one file system, or one device, under test. */
export interface World {
  readonly name: string;
  /** Where the file is made. */
  readonly path: string;
  readonly device: readonly [major: number, minor: number];
  /** The file is the device itself. */
  readonly isDevice: boolean;
  /** Whether a mapping with MAP_SYNC is given. */
  readonly givesMapSync: boolean;
  /** How bytes become durable, by whether the mapping has MAP_SYNC. */
  readonly keeps: { readonly synchronous: Granularity; readonly plain: Granularity };
  /** The method of the processor, as daxfile1_cpu answers; CLWB by default. */
  readonly method?: number;
  /** Whether there are files without a name (O_TMPFILE). */
  readonly hasUnnamed: boolean;
  readonly texts: Readonly<Record<string, string>>;
  readonly links: Readonly<Record<string, string>>;
}

const region = "/sys/devices/LNXSYSTM:00/ndbus0/region0";

function world(
  name: string,
  fileSystem: string,
  leaf: string | undefined,
  rest: Partial<World> & { texts?: Record<string, string> } = {},
): World {
  const device = [259, 0] as const;
  return {
    name,
    path: "/data/file.dax",
    device,
    isDevice: false,
    givesMapSync: false,
    keeps: { synchronous: "page", plain: "page" },
    hasUnnamed: true,
    ...rest,
    texts: {
      "/proc/self/mountinfo": `28 1 ${
        leaf === undefined ? "0:40" : device.join(":")
      } / /data rw - ${fileSystem} ${leaf === undefined ? fileSystem : "/dev/it"} rw\n`,
      "/proc/self/limits": "Max file size             unlimited            unlimited            bytes\n",
      "/proc/cmdline": "quiet\n",
      ...rest.texts,
    },
    links: {
      ...(leaf !== undefined && { "/sys/dev/block/259:0": `../..${leaf.slice("/sys".length)}` }),
      ...rest.links,
    },
  };
}

const nvdimm = {
  [`${region}/persistence_domain`]: "memory_controller\n",
  [`${region}/deep_flush`]: "1\n",
  "/sys/devices/LNXSYSTM:00/ndbus0/provider": "ACPI.NFIT\n",
};
const lasting = { ...nvdimm, [`${region}/persistence_domain`]: "cpu_cache\n" };
const pmem = `${region}/namespace0.0/block/pmem0`;
const dax = `${region}/dax0.0/dax0.0`;

/** fsdax on an NVDIMM. */
export const fsdax: World = world("fsdax", "ext4", pmem, {
  givesMapSync: true,
  keeps: { synchronous: "cache-line", plain: "page" },
  texts: nvdimm,
});

/** The same on a processor that has no CLWB. */
export const older: World = { ...fsdax, name: "fsdax and an older processor", method: Mode.clflushopt };

/** The same, and the caches survive a power cut. */
export const eadr: World = world("fsdax with eADR", "ext4", pmem, {
  givesMapSync: true,
  keeps: { synchronous: "byte", plain: "page" },
  texts: lasting,
});

/** The same, mounted without DAX. */
export const eadrWithoutDax: World = world("eADR without DAX", "ext4", pmem, { texts: lasting });

/** Memory that only the host can write back, and a kernel that gives MAP_SYNC all the same. */
export const virtio: World = world(
  "virtio-pmem",
  "ext4",
  "/sys/devices/pci0000:00/virtio0/ndbus0/region0/namespace0.0/block/pmem0",
  {
    givesMapSync: true,
    texts: {
      "/sys/devices/pci0000:00/virtio0/ndbus0/region0/persistence_domain": "memory_controller\n",
      "/sys/devices/pci0000:00/virtio0/ndbus0/provider": "virtio-pmem\n",
    },
  },
);

/** A disk. */
export const disk: World = world("disk", "ext4", "/sys/devices/pci0000:00/nvme/nvme0/nvme0n1");

/** A disk with a file system that knows no unnamed files. */
export const oldDisk: World = world(
  "disk without O_TMPFILE",
  "ext3",
  "/sys/devices/pci0000:00/nvme/nvme0/nvme0n1",
  {
    hasUnnamed: false,
  },
);

/** Ordinary memory. */
export const tmpfs: World = world("tmpfs", "tmpfs", undefined);

/** An NVDIMM without a file system. */
export const deviceDax: World = world("device-dax", "devtmpfs", undefined, {
  path: "/dev/dax0.0",
  device: [251, 0],
  isDevice: true,
  givesMapSync: true,
  keeps: { synchronous: "cache-line", plain: "page" },
  texts: { ...nvdimm, "/sys/dev/char/251:0/size": "16449\n", "/sys/dev/char/251:0/align": "4096\n" },
  links: {
    "/sys/dev/char/251:0": `../..${dax.slice("/sys".length)}`,
    "/sys/dev/char/251:0/subsystem": "../../../../bus/dax",
  },
});
