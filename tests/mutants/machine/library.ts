/**
 * Stands in for ffi/library.ts in the copy of src/ that is mutated: the same exports, but the machine is a simulated one, chosen by
 * {@linkcode boot}. It is copied there with its own imports, so that it needs nothing but the machine in `globalThis`.
 */

import { rememberAddress } from "../../../ffi/addresses.ts";
import type { Library } from "../../../ffi/library.ts";
import type { Runtime } from "../../../ffi/runtime.ts";
import { Kernel } from "./kernel.ts";
import type { World } from "./world.ts";

declare global {
  /** What `library()` gives in the mutated copy. */
  var daxfileLibrary: Library;
}

/** Starts a machine. */
export function boot(world: World): Kernel {
  const kernel = new Kernel(world);
  const { native, memory } = kernel;
  const address = native.daxfile1_scratch(64 * 1024);
  const { buffer } = memory.at(address);
  const runtime: Runtime = {
    name: "Deno",
    platform: "linux-x86_64",
    noColor: true,
    environment: () => undefined,
    libc: () => {
      throw new Error("The simulated machine has no C library");
    },
    load: () => {
      throw new Error("The simulated machine loads nothing");
    },
    buffer(address, byteLength) {
      const piece = memory.at(address);
      if (piece.address === address && piece.buffer.byteLength === byteLength) return piece.buffer;
      throw new Error(`There is no buffer of ${byteLength} bytes at ${address}`);
    },
    addressOf: (view) => memory.addressOf(view),
    quickAddressOf: rememberAddress((buffer) => memory.addressOf(new Uint8Array(buffer))),
    sync: async (file, dataOnly) => {
      await Promise.resolve();
      return kernel.sync(file, dataOnly);
    },
    isRefusal: () => false,
  };
  globalThis.daxfileLibrary = {
    runtime,
    native,
    scratch: { address, bytes: new Uint8Array(buffer), data: new DataView(buffer) },
  };
  return kernel;
}

/** The text of ffi/library.ts in the mutated copy. */
export const stub = `
export const scratchBytes = 64 * 1024;
export class LibraryError extends Error {}
export const library = () => globalThis.daxfileLibrary;
`;
