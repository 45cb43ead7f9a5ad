// The machines that a test can ask for, one entry each. How an entry becomes QEMU's arguments is devices.ts's business,
// how it becomes a mounted file system guest/machine.sh's.

/** What a machine's storage is made of. */
export type Medium = "nvdimm" | "virtio-pmem" | "legacy" | "disk";

/** One place where tests can run. */
export interface Machine {
  name: string;
  /** What a reader of a failed test should know about it. */
  about: string;
  medium: Medium;
  /** Whether the firmware says that CPU caches survive a power cut. */
  eadr?: true;
  /** How the namespace on persistent memory is used; a disk has none. */
  mode?: "fsdax" | "devdax";
  /** What lies between the device and the file system: a partition from this sector on, or a device-mapper target. */
  layer?: { partitionSector: number } | "device-mapper";
  /** The command that makes the file system, without the device. */
  makeFileSystem?: string;
  mountOptions?: string;
}

const ext4 = "mkfs.ext4 -q -b 4096";
const fsdax = {
  medium: "nvdimm",
  mode: "fsdax",
  makeFileSystem: ext4,
  mountOptions: "dax=always",
} as const;

/** All machines, of those with as many files the slowest to prepare first, so that they do not hold up the end of a run. */
export const machines: readonly Machine[] = [
  {
    ...fsdax,
    name: "xfs",
    about: "XFS with DAX, without reflink",
    makeFileSystem: "mkfs.xfs -q -m reflink=0",
  },
  {
    ...fsdax,
    name: "xfs-reflink",
    about: "XFS with DAX and reflink",
    makeFileSystem: "mkfs.xfs -q -m reflink=1",
  },
  { ...fsdax, name: "ext4", about: "ext4 with DAX on an NVDIMM" },
  {
    ...fsdax,
    name: "ext4-misaligned",
    about: "ext4 with DAX on a partition at 1 MiB + 4 KiB: what ext4 aligns is not aligned on the device",
    // Not the usual 1 MiB: ext4 places many files at odd multiples of 1 MiB, and the two would cancel out.
    layer: { partitionSector: 2056 },
  },
  {
    ...fsdax,
    name: "ext4-dm",
    about: "ext4 with DAX on a device-mapper linear target",
    layer: "device-mapper",
  },
  {
    ...fsdax,
    name: "ext4-legacy",
    about: "ext4 with DAX on memory reserved by memmap=…!…",
    medium: "legacy",
  },
  {
    ...fsdax,
    name: "ext4-eadr",
    about: "ext4 with DAX where CPU caches survive power loss (eADR)",
    eadr: true,
  },
  {
    ...fsdax,
    name: "virtio-pmem",
    about: "ext4 with DAX on virtio-pmem: no MAP_SYNC",
    medium: "virtio-pmem",
  },
  {
    name: "devdax",
    about: "device-dax: a character device, no file system",
    medium: "nvdimm",
    mode: "devdax",
  },
  {
    name: "disk",
    about: "ext4 on an ordinary disk, no DAX",
    medium: "disk",
    makeFileSystem: ext4,
    mountOptions: "defaults",
  },
];

/**
 * The machines of these names, in the order of {@linkcode machines}.
 *
 * @throws {RangeError} if there is no machine of such a name
 */
export function machinesNamed(names: readonly string[]): Machine[] {
  const unknown = names.filter((name) => !machines.some((machine) => machine.name === name));
  if (unknown.length > 0) {
    const known = machines.map((machine) => machine.name).join(" ");
    throw new RangeError(`There is no machine "${unknown.join(" ")}"; there are: ${known}`);
  }
  return machines.filter((machine) => names.includes(machine.name));
}
