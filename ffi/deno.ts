/**
 * Deno's half of the boundary: Deno.dlopen. Needs `--allow-ffi`, whole and not for a path: pointers are not granted by path.
 *
 * @module
 */

import { rememberAddress } from "./addresses.ts";
import type { LibC, Runtime } from "./runtime.ts";
import { type Functions, type Signature, symbols } from "./symbols.ts";

type Pointer = object | null;

/** The part of the Deno namespace that is used, so that the package type-checks without Deno's own types. */
interface Deno {
  build: { os: string; arch: string };
  noColor: boolean;
  errors: Record<string, abstract new (...parameters: never[]) => Error>;
  dlopen(path: string, symbols: Record<string, unknown>): {
    symbols: Record<string, (...parameters: unknown[]) => unknown>;
  };
  UnsafePointer: {
    create(address: bigint): Pointer;
    of(view: ArrayBufferView | ArrayBuffer): Pointer;
    value(pointer: Pointer): bigint | number;
  };
  UnsafePointerView: {
    getArrayBuffer(pointer: Pointer, byteLength: number): ArrayBuffer;
    getCString(pointer: Pointer): string;
  };
}

/** What of the C library is needed in Deno only; dlopen is a part of it since glibc 2.34. */
interface DenoLibC {
  getenv(name: Uint8Array): Pointer;
  dlopen: ((path: Uint8Array, flags: number) => Pointer) | null;
}

const encoder = new TextEncoder();

/** RTLD_NOW | RTLD_NODELETE of dlopen(3). */
const keepLoaded = 0x1002;

/** Deno as a {@linkcode Runtime}. */
export function deno(): Runtime {
  const { Deno } = globalThis as unknown as { Deno: Deno };
  const libc = lazy(() =>
    Deno.dlopen("libc.so.6", {
      getenv: { parameters: ["buffer"], result: "pointer" },
      memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
      write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
      dlopen: { parameters: ["buffer", "i32"], result: "pointer", optional: true },
    }).symbols as unknown as LibC & DenoLibC
  );
  let library = "";
  const sync = lazy(() => {
    const { parameters, result } = symbols.daxfile1_sync;
    const definition = { parameters: Object.values(parameters), result, nonblocking: true };
    return Deno.dlopen(library, { daxfile1_sync: definition }).symbols["daxfile1_sync"] as unknown as (
      file: number,
      dataOnly: number,
    ) => Promise<number>;
  });

  return {
    name: "Deno",
    platform: `${Deno.build.os}-${Deno.build.arch}`,
    noColor: Deno.noColor,
    environment(name) {
      const value = libc().getenv(encoder.encode(name + "\0"));
      return value === null ? undefined : Deno.UnsafePointerView.getCString(value);
    },
    libc,
    load<Table extends Record<string, Signature>>(path: string, table: Table) {
      const definitions: Record<string, unknown> = {};
      for (const [name, { parameters, result }] of Object.entries(table)) {
        definitions[name] = { parameters: Object.values(parameters), result };
      }
      library = path;
      const functions = Deno.dlopen(path, definitions).symbols as unknown as Functions<Table>;
      // Deno unloads what a worker loaded when the worker ends, and the SIGBUS handler of the library must outlive it
      libc().dlopen?.(encoder.encode(path + "\0"), keepLoaded);
      return functions;
    },
    buffer(address, byteLength) {
      return Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(BigInt(address)), byteLength);
    },
    addressOf(view) {
      // V8 keeps arrays of up to 64 bytes inside the heap, where they can move: the pointer is good only for larger ones
      return view.byteLength > 64 ? Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(view))) : undefined;
    },
    quickAddressOf: rememberAddress((buffer) =>
      Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)))
    ),
    sync: (file, dataOnly) => sync()(file, Number(dataOnly)),
    isRefusal(error) {
      const { NotCapable, PermissionDenied } = Deno.errors;
      return (NotCapable !== undefined && error instanceof NotCapable) ||
        (PermissionDenied !== undefined && error instanceof PermissionDenied);
    },
  };
}

function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}
