// What a guest boots, Debian's kernel or ours: an uncompressed image and the few modules it needs.
import { spawnSync } from "node:child_process";
import { copyFileSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { cached } from "./cache.ts";
import { command } from "./command.ts";

/** What QEMU boots, and the modules to load in it, in their order. */
export interface Kernel {
  image: string;
  modules: readonly string[];
}

/**
 * Every module comes after those it needs. The list is by hand: modprobe --show-depends leaves out what the kernel of
 * the host, rather than the guest's, has built in.
 */
const moduleNames = [
  ...["libnvdimm", "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci"],
  ...["netfs", "fscache", "9pnet", "9pnet_virtio", "9p", "virtio_blk"],
  ...["nd_btt", "nd_pmem", "device_dax", "dax_pmem", "nfit", "nd_virtio", "virtio_pmem", "nd_e820"],
  ...[
    "crc32c-intel",
    "crc32c_generic",
    "libcrc32c",
    "crc16",
    "mbcache",
    "jbd2",
    "ext4",
    "xfs",
    "dm-mod",
    "loop",
  ],
];

/** Debian's kernel, taken out of its package. */
export function debianKernel(packagePath: string): Kernel {
  const folder = cached("kernel", [basename(packagePath), ...moduleNames], (folder) => {
    const unpacked = join(folder, "unpacked");
    command("dpkg", ["-x", packagePath, unpacked]);
    const compressed = globSync(`${unpacked}/boot/vmlinuz-*`)[0] ?? "";
    unpackKernel(readFileSync(compressed), join(folder, "vmlinux"));
    const paths = new Map(
      globSync(`${unpacked}/lib/modules/**/*.ko`).map((path) => [basename(path, ".ko"), path]),
    );
    for (const name of moduleNames) {
      const path = paths.get(name);
      if (!path) throw new Error(`${packagePath} has no module ${name}`);
      copyFileSync(path, join(folder, `${name}.ko`));
    }
    rmSync(unpacked, { recursive: true });
  });
  return { image: join(folder, "vmlinux"), modules: moduleNames.map((name) => join(folder, `${name}.ko`)) };
}

/** A kernel that has everything built in, such as our own. */
export function builtInKernel(image: string): Kernel {
  return { image, modules: [] };
}

/**
 * Our own kernel, which has daxctl(2); built if that has not been done since its patches or its configuration changed.
 *
 * @param install whether to install the packages that a build needs
 */
export function ourKernel(install: boolean): Kernel {
  const script = join(import.meta.dirname ?? "", "..", "..", "kernel", "build.sh");
  const result = spawnSync(script, install ? ["--install"] : [], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (result.status !== 0) {
    throw new Error(`kernel/build.sh failed with ${result.status ?? result.error?.message}`);
  }
  const built = readFileSync(result.stdout.trim());
  const folder = cached("our-kernel", [built], (folder) => unpackKernel(built, join(folder, "vmlinux")));
  return builtInKernel(join(folder, "vmlinux"));
}

/**
 * Writes the ELF file inside a bzImage that is compressed with xz; any other image as it is. QEMU starts an ELF kernel
 * directly (PVH); unpacking it here takes a second once, unpacking itself in emulation three at each boot.
 */
function unpackKernel(image: Uint8Array, path: string): void {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  // The fields of the boot protocol's header: setup_sects, payload_offset and payload_length.
  const start = (view.getUint8(0x1f1) + 1) * 512 + view.getUint32(0x248, true);
  const payload = image.subarray(start, start + view.getUint32(0x24c, true));
  const isXz = payload[0] === 0xfd && payload[1] === 0x37 && payload[2] === 0x7a;
  if (!isXz) return writeFileSync(path, image);
  // The kernel's build appends the unpacked length, four bytes that xz would take for garbage. By way of a file, because
  // Deno's spawnSync hangs on an input and an output that are both larger than a pipe.
  writeFileSync(`${path}.xz`, payload.subarray(0, -4));
  command("xz", ["--decompress", `${path}.xz`]);
}
