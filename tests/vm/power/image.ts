// The image of a machine's memory at one moment, and a look into the file system in it.
import { mkdirSync, rmdirSync } from "node:fs";
import { command } from "../command.ts";
import type { Machine } from "../machines.ts";

/** Copies an image in no time: its holes stay holes, and where the file system can, blocks are shared. */
export function copyImage(from: string, to: string): void {
  command("cp", ["--sparse=always", "--reflink=auto", from, to]);
}

/**
 * Mounts an image as the machine's next boot would, so that the file system replays its journal; calls `look`; unmounts.
 *
 * Only in a mount namespace of its own (unshare -m): there the mount and its loop device go with the last process.
 *
 * @returns what `look` returns; undefined if the file system refuses the mount because a checksum of its own is wrong
 */
export function inside<T>(
  machine: Machine,
  image: string,
  folder: string,
  look: (folder: string) => T,
): T | undefined {
  // A namespace with its page map in memory has 2 MiB of its own before the file system; virtio-pmem has no labels and none, nor has a disk.
  const offset = machine.medium === "nvdimm" ? 2 * 2 ** 20 : 0;
  const isXfs = machine.makeFileSystem?.startsWith("mkfs.xfs");
  mkdirSync(folder, { recursive: true });
  try {
    command("mount", ["-o", `loop,offset=${offset}${isXfs ? ",nouuid" : ""}`, image, folder]);
  } catch (error) {
    rmdirSync(folder);
    // What mount(8) makes of EBADMSG
    if ((error as Error).message.includes("probably corrupted filesystem")) return undefined;
    throw error;
  }
  try {
    return look(folder);
  } finally {
    command("umount", [folder]);
    rmdirSync(folder);
  }
}
