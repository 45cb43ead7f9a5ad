/**
 * Loads the native library once: the one that DAXFILE_LIBRARY names, else the bytes that this package carries, from a file
 * in memory, so that nothing has to lie on the disk and a module that came over https works.
 *
 * @module
 */

import { aarch64 } from "./embedded/aarch64.ts";
import { x86_64 } from "./embedded/x86_64.ts";
import { type Runtime, runtime } from "./runtime.ts";
import { abiVersion, type Functions, symbols, versionSymbol } from "./symbols.ts";

export type { Runtime };

/** The native functions. */
export type Native = Functions<typeof symbols>;

/** Native code, ready to be called. */
export interface Library {
  readonly runtime: Runtime;
  readonly native: Native;
  /** Memory through which paths, structures and small writes cross; only ever used within one synchronous call. */
  readonly scratch: { readonly address: number; readonly bytes: Uint8Array; readonly data: DataView };
}

/** Why there is no library to call. `errno` is a Linux error name; `hint` says what to do. */
export class LibraryError extends Error {
  override readonly name = "LibraryError";
  readonly code: "ENOSYS" | "EPERM" | "ENOEXEC" | "ENOMEM";
  readonly hint: string;
  constructor(code: LibraryError["code"], message: string, hint: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** Bytes of the scratch memory. */
export const scratchBytes = 64 * 1024;

const embedded: Readonly<Record<string, string>> = { "linux-x86_64": x86_64, "linux-aarch64": aarch64 };

let loaded: Library | undefined;

/**
 * The native library, loaded at the first call.
 *
 * @throws {LibraryError} if this system has none, it cannot be loaded, or its ABI version is another
 */
export function library(): Library {
  return loaded ??= load();
}

/** Whether the user asked for no colours; known without a permission and without the library. */
export function noColor(): boolean {
  return runtime()?.noColor ?? false;
}

function load(): Library {
  const host = runtime();
  if (host === undefined) {
    throw new LibraryError("ENOSYS", "This runtime cannot call native code", "Run it in Deno or Bun");
  }
  const code = embedded[host.platform];
  if (code === undefined) {
    const known = Object.keys(embedded).join(" and ");
    throw new LibraryError(
      "ENOSYS",
      `There is no native library for ${host.platform}`,
      `Libraries exist for ${known}`,
    );
  }
  const override = attempt(host, "libc", () => host.environment("DAXFILE_LIBRARY"));
  const path = override ||
    attempt(host, "libc", () => memoryFile(host, Uint8Array.fromBase64(code)));
  const version = attempt(host, path, () => host.load(path, versionSymbol).daxfile_abi());
  if (version !== abiVersion) {
    throw new LibraryError(
      "ENOEXEC",
      `The library "${path}" has ABI version ${version}, and this daxfile needs ${abiVersion}`,
      "Unset DAXFILE_LIBRARY, or name a library that was built with this version",
    );
  }
  const native = attempt(host, path, () => host.load(path, symbols));
  const address = native.daxfile1_scratch(scratchBytes);
  if (address < 0) throw new LibraryError("ENOMEM", "No memory for the native library", "Free some memory");
  const buffer = host.buffer(address, scratchBytes);
  return {
    runtime: host,
    native,
    scratch: { address, bytes: new Uint8Array(buffer), data: new DataView(buffer) },
  };
}

/** Loads something from a library, and says in words of ours why it cannot be. */
function attempt<T>(host: Runtime, path: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (host.isRefusal(cause)) {
      throw new LibraryError("EPERM", "Deno refused to call native code", "Run it with --allow-ffi", cause);
    }
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new LibraryError(
      "ENOEXEC",
      `Cannot load "${path}": ${message}`,
      "DAXFILE_LIBRARY may name a library on disk, built by zig/build.zig of this version",
      cause,
    );
  }
}

/**
 * Makes a file in memory and gives its path. The descriptor stays open: glibc takes the same path for the same library, and
 * a number that is used again would lead another library's user to ours.
 */
export function memoryFile(host: Runtime, bytes: Uint8Array): string {
  const libc = host.libc();
  const file = libc.memfd_create(new TextEncoder().encode("daxfile\0"), 1 /* MFD_CLOEXEC */);
  if (file < 0) throw new Error("The system made no file in memory (memfd_create)");
  for (let done = 0; done < bytes.byteLength;) {
    const count = Number(libc.write(file, bytes.subarray(done), bytes.byteLength - done));
    if (count <= 0) throw new Error("A file in memory could not be written");
    done += count;
  }
  return `/proc/self/fd/${file}`;
}
