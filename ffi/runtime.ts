/**
 * What daxfile needs from a JavaScript runtime. deno.ts and bun.ts each give it; everything above sees only this.
 *
 * @module
 */

import type { Functions, Signature } from "./symbols.ts";
import { bun } from "./bun.ts";
import { deno } from "./deno.ts";

/** One runtime's way to native code. */
export interface Runtime {
  /** What the runtime calls itself. */
  readonly name: "Deno" | "Bun";
  /** Operating system and architecture, as in `linux-x86_64`. */
  readonly platform: string;
  /** Whether NO_COLOR is set (no-color.org). */
  readonly noColor: boolean;
  /** A variable of the process environment, read without a permission of its own. */
  environment(name: string): string | undefined;
  /** The two functions of the C library with which a file that has no name is made and filled. */
  libc(): LibC;
  /** Loads the functions of a table from the library at a path; throws what the runtime throws. */
  load<Table extends Record<string, Signature>>(path: string, table: Table): Functions<Table>;
  /** An ArrayBuffer over memory at an address, which must stay mapped until the buffer is detached or collected. */
  buffer(address: number, byteLength: number): ArrayBuffer;
  /**
   * Where the bytes of a view lie, while the view is held; undefined where the runtime cannot tell, which is so for none of more
   * than 64 bytes. A microsecond in Deno.
   */
  addressOf(view: ArrayBufferView): number | undefined;
  /**
   * The same where the answer is known, else undefined: then to copy some KiB is cheaper than to ask. Known the second time in a row,
   * unless `learn` is false: then only what is known already is told.
   */
  quickAddressOf(view: ArrayBufferView, learn?: boolean): number | undefined;
  /** fsync (or fdatasync) of a descriptor on another thread: 0 or −errno. */
  sync(file: number, dataOnly: boolean): Promise<number>;
  /** Whether this is the runtime's refusal to let native code run, and not a failure of the library. */
  isRefusal(error: unknown): boolean;
}

/** memfd_create(2) and write(2), as the C library gives them. */
export interface LibC {
  memfd_create(name: Uint8Array, flags: number): number;
  write(file: number, bytes: Uint8Array, byteLength: number): number | bigint;
}

/** The runtime that this program runs in, or undefined where it is neither Deno nor Bun. */
export function runtime(): Runtime | undefined {
  if ("Bun" in globalThis) return bun();
  if ("Deno" in globalThis) return deno();
  return undefined;
}
