// The QEMU arguments and image files that give a guest its storage, and the table by which the guest finds it again.
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machines.ts";

const MiB = 2 ** 20;

/** XFS wants 300 MiB at least. Images are sparse, and take what is written. */
const storageBytes = 512 * MiB;

/** The label area lies behind the namespace, not in it: namespaces are multiples of 16 MiB. */
const labelBytes = 128 * 1024;

/** A guest's own memory. Half of what is above 2 GiB becomes a legacy device, if a machine needs one. */
export const memoryBytes: number = 3072 * MiB;
const legacyRange = "memmap=512M!4G";

/** The serial number of a disk that every guest has for /var/tmp, where tests make the files that have to lie on a disk. */
const scratch = "scratch";

/** What QEMU is told about a guest's storage. */
export interface Devices {
  /** QEMU's arguments: machine type, memory and devices. */
  args: string[];
  /** Parameters for the guest's kernel. */
  kernelParameters: string[];
  /** One line a machine: name|medium|index within the medium|mode|layer|mkfs|mount options. */
  table: string;
}

/** Makes the image files of these machines in a folder, and says how QEMU and the guest use them. */
export function makeDevices(machines: readonly Machine[], folder: string): Devices {
  const devices: string[] = [];
  const counts = new Map<string, number>();
  devices.push(...deviceFor({ name: scratch, medium: "disk" }, 0, folder));
  const rows = machines.map((machine) => {
    const index = counts.get(machine.medium) ?? 0;
    counts.set(machine.medium, index + 1);
    devices.push(...deviceFor(machine, index, folder));
    const layer = machine.layer === "device-mapper" ? "dm" : machine.layer?.partitionSector ?? "";
    const columns = [machine.name, machine.medium, index, machine.mode ?? "", layer];
    return [...columns, machine.makeFileSystem ?? "", machine.mountOptions ?? ""].join("|") + "\n";
  });
  // With "cpu" the firmware tables say that what has left a store buffer is durable, with "mem-ctrl" that it must have
  // left the caches.
  const persistence = machines.some((machine) => machine.eadr) ? "cpu" : "mem-ctrl";
  // Each device takes an aligned gibibyte of the address space at most.
  const most = memoryBytes + machines.length * 1024 * MiB;
  return {
    args: [
      ...["-machine", `q35,nvdimm=on,nvdimm-persistence=${persistence}`],
      ...["-m", `size=${memoryBytes / MiB}M,slots=${machines.length + 1},maxmem=${most / MiB}M`],
      ...devices,
    ],
    kernelParameters: counts.has("legacy") ? [legacyRange] : [],
    table: rows.join(""),
  };
}

function deviceFor(
  { name, medium }: Pick<Machine, "name" | "medium">,
  index: number,
  folder: string,
): string[] {
  if (medium === "legacy") {
    if (index > 0) throw new RangeError("A guest has memory for one legacy device only");
    return [];
  }
  const path = join(folder, `${name}.img`);
  const bytes = medium === "nvdimm" ? storageBytes + labelBytes : storageBytes;
  writeFileSync(path, "");
  truncateSync(path, bytes);
  const escaped = path.replaceAll(",", ",,");
  const backend = `memory-backend-file,id=memory-${name},share=on,mem-path=${escaped},size=${bytes}`;
  switch (medium) {
    case "nvdimm":
      return [
        "-object",
        backend,
        "-device",
        `nvdimm,id=${medium}${index},memdev=memory-${name},label-size=${labelBytes}`,
      ];
    case "virtio-pmem":
      return ["-object", backend, "-device", `virtio-pmem-pci,id=${medium}${index},memdev=memory-${name}`];
    case "disk":
      return [
        "-drive",
        `if=none,id=drive-${name},format=raw,discard=unmap,file=${escaped}`,
        "-device",
        `virtio-blk-pci,drive=drive-${name},serial=${name}`,
      ];
  }
}
