/**
 * A directory on each kind of medium, and files in it; all of it goes when the `using` block ends, also when a test fails.
 *
 * `medium()` is where the contract is tested: a disk, or the directory that DAXFILE_TEST_DIR names (fsdax, in a virtual machine).
 * The others are for what holds on that medium only.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { library, memoryFile as makeMemoryFile } from "../../ffi/library.ts";

/** A directory of a test's own. */
export interface Place extends Disposable {
  readonly directory: string;
  /** A path in it; nothing is made. */
  path(name?: string): string;
}

/** The medium under test. */
export function medium(): Place {
  const directory = process.env["DAXFILE_TEST_DIR"];
  return directory === undefined || directory === "" ? disk() : within(directory);
}

/** Whether a directory is no tmpfs. */
export function isDisk(directory: string): boolean {
  return statfsSync(directory).type !== 0x01021994;
}

/** A directory on a disk. */
export function disk(): Place {
  const found = [tmpdir(), "/var/tmp", process.cwd()].find(isDisk);
  if (found === undefined) throw new Error(`${tmpdir()}, /var/tmp and ${process.cwd()} are all tmpfs`);
  return within(found);
}

/** A directory for what may lie anywhere: programs, pipes, libraries. */
export function anywhere(): Place {
  return within(tmpdir());
}

/** A directory on tmpfs, with room for sparse files of any size. */
export function memory(): Place {
  return within("/dev/shm");
}

/** A tmpfs of its own, so small that it can be filled. Needs root. */
export function smallTmpfs(byteLength: number): Place & { resize(byteLength: number): void } {
  const place = within(tmpdir());
  const mount = (options: string) => run("mount", "-t", "tmpfs", "-o", options, "tmpfs", place.directory);
  try {
    mount(`size=${byteLength}`);
  } catch (error) {
    place[Symbol.dispose]();
    throw error;
  }
  return {
    ...place,
    resize: (byteLength) => mount(`remount,size=${byteLength}`),
    [Symbol.dispose]() {
      run("umount", "-l", place.directory);
      place[Symbol.dispose]();
    },
  };
}

/**
 * ext4 on a loop device over a sparse file in a small tmpfs: once that is full, no page can be written back. `heal` gives it
 * room again. Needs root.
 */
export function failingDisk(): Place & { heal(): void } {
  using parts = new DisposableStack();
  const below = parts.use(smallTmpfs(8 << 20));
  const image = below.path("image");
  run("truncate", "--size=64M", image);
  run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", image);
  const device = run("losetup", "--find", "--show", image).trim();
  parts.defer(() => run("losetup", "--detach", device));
  const mounted = parts.use(within(tmpdir()));
  run("mount", device, mounted.directory);
  parts.defer(() => run("umount", mounted.directory));
  const owned = parts.move();
  return { ...mounted, heal: () => below.resize(128 << 20), [Symbol.dispose]: () => owned.dispose() };
}

/** A file without a name, in memory. */
export function memoryFile(byteLength: number): Disposable & { readonly path: string } {
  const { runtime, native } = library();
  const path = makeMemoryFile(runtime, new Uint8Array(byteLength));
  return { path, [Symbol.dispose]: () => void native.daxfile1_close(Number(path.split("/").at(-1))) };
}

/** How many descriptors this process has open of what lies below a directory; the runtimes open and close files of their own. */
export function descriptors(directory: string): number {
  return readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(directory);
    } catch {
      return false; // the one with which the directory was read
    }
  }).length;
}

/** What this process has mapped of what lies below a directory. A file that was made without a name keeps none there. */
export function mappings(directory: string): { start: bigint; end: bigint; access: string }[] {
  return readFileSync("/proc/self/maps", "utf8").split("\n").filter((line) => line.includes(directory)).map(
    (line) => {
      const [, start, end, access] = /^(\w+)-(\w+) (\S+)/.exec(line)!;
      return { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), access: access! };
    },
  );
}

/** Runs a command; a failure is an error that names it. */
export function run(command: string, ...parameters: string[]): string {
  return execFileSync(command, parameters, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function within(parent: string): Place {
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(`${parent}/daxfile-test-`);
  return {
    directory,
    path: (name = "file.dax") => `${directory}/${name}`,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}
