/**
 * Bun's half of the boundary: bun:ffi.
 *
 * @module
 */

import { rememberAddress } from "./addresses.ts";
import type { LibC, Runtime } from "./runtime.ts";
import type { Functions, Signature } from "./symbols.ts";

/** The part of bun:ffi that is used, so that the package type-checks without Bun's own types. */
interface BunFfi {
  dlopen(path: string, symbols: Record<string, { args: readonly string[]; returns: string }>): {
    symbols: Record<string, (...parameters: unknown[]) => unknown>;
  };
  ptr(view: ArrayBufferView | ArrayBuffer): number;
  toArrayBuffer(address: number, byteOffset: number, byteLength: number): ArrayBuffer;
}

/** The part of Node's interface that Bun offers and that is used. */
interface Process {
  env: Record<string, string | undefined>;
  platform: string;
  arch: string;
  getBuiltinModule(name: "bun:ffi"): BunFfi;
  getBuiltinModule(name: "node:fs"): FileSystem;
}

type Done = (error: { errno?: number } | null) => void;

interface FileSystem {
  fsync(file: number, done: Done): void;
  fdatasync(file: number, done: Done): void;
}

/** Bun as a {@linkcode Runtime}. */
export function bun(): Runtime {
  const { process } = globalThis as unknown as { process: Process };
  // Not an import: that would have to wait for the runtime to be known, and a module that waits cannot be required
  const ffi = process.getBuiltinModule("bun:ffi");
  const arch = process.arch === "x64" ? "x86_64" : process.arch === "arm64" ? "aarch64" : process.arch;

  return {
    name: "Bun",
    platform: `${process.platform}-${arch}`,
    noColor: Boolean(process.env["NO_COLOR"]),
    environment: (name) => process.env[name],
    libc: () => loadLibc(ffi, arch),
    load<Table extends Record<string, Signature>>(path: string, table: Table) {
      const definitions: Record<string, { args: string[]; returns: string }> = {};
      for (const [name, { parameters, result }] of Object.entries(table)) {
        definitions[name] = { args: Object.values(parameters), returns: result };
      }
      return ffi.dlopen(path, definitions).symbols as unknown as Functions<Table>;
    },
    buffer: (address, byteLength) => ffi.toArrayBuffer(address, 0, byteLength),
    // JavaScriptCore never moves the bytes of an array
    addressOf: (view) => ffi.ptr(view),
    quickAddressOf: rememberAddress((buffer) => ffi.ptr(buffer)),
    sync(file, dataOnly) {
      const fs = process.getBuiltinModule("node:fs");
      return new Promise((resolve) => {
        const done: Done = (error) => resolve(error === null ? 0 : -Math.abs(error.errno ?? 5 /* EIO */));
        if (dataOnly) fs.fdatasync(file, done);
        else fs.fsync(file, done);
      });
    },
    isRefusal: () => false,
  };
}

/** The C library: glibc's, or musl's where Bun was built for it. */
function loadLibc(ffi: BunFfi, arch: string): LibC {
  const definitions = {
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    write: { args: ["i32", "ptr", "u64"], returns: "i64" },
  };
  try {
    return ffi.dlopen("libc.so.6", definitions).symbols as unknown as LibC;
  } catch {
    return ffi.dlopen(`libc.musl-${arch}.so.1`, definitions).symbols as unknown as LibC;
  }
}
