/** Sealed files: made ordinary when their place goes, stopped at each step of being made, and on file systems that have no DAX. */

import { existsSync, readdirSync } from "node:fs";
import process from "node:process";
import { library, type Native } from "../../ffi/library.ts";
import { clearStatic } from "../../mod.ts";
import { DaxError } from "../../src/errors.ts";
import { sealOf } from "../../src/static/seal.ts";
import { type Extent, fileExtents, O, openFile, withFile } from "../../src/system.ts";
import { anywhere, disk, type Place, run } from "./places.ts";

/** Whether a file carries a seal, without a look at its map. */
export function sealed(path: string): boolean {
  return withFile(openFile(path, O.readOnly), (file) => sealOf(file).state === "sealed");
}

/** Where a file's blocks are. */
export function extentsOf(path: string): Extent[] {
  const extents = withFile(openFile(path, O.readOnly), (file) => fileExtents(file));
  if (typeof extents === "number") throw new DaxError({ operation: "map", error: -extents, path });
  return extents;
}

/** A place whose files are made ordinary before it goes: nothing else could remove them. */
export function unsealed(place: Place): Place {
  return {
    ...place,
    [Symbol.dispose]() {
      for (const name of existsSync(place.directory) ? readdirSync(place.directory) : []) {
        const path = `${place.directory}/${name}`;
        run("chattr", "-f", "-i", path);
        try {
          clearStatic(path); // of a kernel with the call
        } catch {
          // Whatever the test found is the error to be seen
        }
      }
      try {
        place[Symbol.dispose]();
      } catch (error) {
        console.error(error);
      }
    },
  };
}

/** The native functions that change something that outlives the process: killed between others, it leaves the same behind. */
const changing = [
  "daxfile1_write",
  "daxfile1_allocate",
  "daxfile1_truncate",
  "daxfile1_collapse",
  "daxfile1_link",
  "daxfile1_unlink",
  "daxfile1_set_attribute",
  "daxfile1_inode",
] as const;

/**
 * From here on this process takes every file for one with DAX, so that the seal can be tried on a loop device; and is killed before the
 * given call of those that change something, counted from 1. Ends with the block.
 */
export function pretendDax(killedBefore = Infinity): Disposable {
  const loaded = library() as { native: Native };
  const real = loaded.native;
  const { scratch: { address, data } } = library();
  const native: Record<string, (...parameters: number[]) => number> = { ...real };
  native["daxfile1_statx"] = (file, out) => {
    const result = real.daxfile1_statx(file!, out!);
    if (result < 0) return result;
    // stx_attributes and stx_attributes_mask
    for (const offset of [8, 56]) {
      const at = out! - address + offset;
      data.setBigUint64(at, data.getBigUint64(at, true) | 0x200000n, true);
    }
    return result;
  };
  let calls = 0;
  for (const name of changing) {
    const call = native[name]!;
    native[name] = (...parameters) => {
      // To read the flags of an inode changes nothing
      const reads = name === "daxfile1_inode" && parameters[1] !== 1;
      if (!reads && ++calls === killedBefore) process.kill(process.pid, "SIGKILL");
      return call(...parameters);
    };
  }
  loaded.native = native as unknown as Native;
  return { [Symbol.dispose]: () => void (loaded.native = real) };
}

/**
 * From here on something is done before each native call, of which it is told the number, from 1, and the name. Ends with the block. It is
 * done as another process would: what the call that is about to be made has in the scratch memory stays.
 */
export function beforeEachCall(act: (call: number, name: string) => void): Disposable {
  const loaded = library() as { native: Native };
  const real = loaded.native, { bytes } = library().scratch;
  let calls = 0, acting = false;
  const native = Object.entries(real).map(([name, call]) => [name, (...parameters: number[]) => {
    if (!acting) {
      acting = true;
      const kept = bytes.slice();
      try {
        act(++calls, name);
      } finally {
        bytes.set(kept);
        acting = false;
      }
    }
    return (call as (...parameters: number[]) => number)(...parameters);
  }]);
  loaded.native = Object.fromEntries(native) as Native;
  return { [Symbol.dispose]: () => void (loaded.native = real) };
}

/** A file system on a loop device. Needs root. */
export function loopDevice(makeFileSystem: string, ...parameters: string[]): Place {
  using parts = new DisposableStack();
  const below = parts.use(disk());
  const image = below.path("image");
  run("truncate", "--size=512M", image);
  run(makeFileSystem, ...parameters, image);
  const device = run("losetup", "--find", "--show", image).trim();
  parts.defer(() => run("losetup", "--detach", device));
  const mounted = parts.use(anywhere());
  run("mount", device, mounted.directory);
  parts.defer(() => run("umount", mounted.directory));
  const owned = parts.move();
  return { ...mounted, [Symbol.dispose]: () => owned.dispose() };
}
