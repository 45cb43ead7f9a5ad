/**
 * The peers in C: builds peers.c where Debian's packages are, and loads it into the same process.
 *
 * @module
 */

import { execFileSync, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { runtime } from "../../ffi/runtime.ts";
import type { Functions } from "../../ffi/symbols.ts";
import type { Side } from "../measure.ts";

/** What peers.c needs; PMDK is in Debian 12. */
export const packages = ["gcc", "libc6-dev", "libpmem-dev", "libpmemlog-dev", "libpmemobj-dev"];

const symbols = {
  peer_loop: {
    parameters: { address: "f64", length: "f64", from: "f64", step: "f64", count: "u32" },
    result: "i32",
  },
  peer_flush: { parameters: { address: "f64", lines: "u32", count: "u32" }, result: "i32" },
  peer_stream_word: { parameters: { address: "f64", count: "u32" }, result: "i32" },
  peer_stream_copy: {
    parameters: { address: "f64", source: "f64", length: "f64", step: "f64", wrap: "f64", count: "u32" },
    result: "i32",
  },
  peer_stream_record: {
    parameters: { address: "f64", source: "f64", length: "f64", from: "f64", wrap: "f64", count: "u32" },
    result: "i32",
  },
  peer_stream_commit: {
    parameters: { address: "f64", length: "f64", number: "u32", step: "u32", count: "u32" },
    result: "i32",
  },
  peer_pmem_open: { parameters: { path: "f64", size: "f64" }, result: "i32" },
  peer_pmem_copy: {
    parameters: { offset: "f64", source: "f64", length: "f64", step: "f64", wrap: "f64", count: "u32" },
    result: "i32",
  },
  peer_pmem_fill: {
    parameters: { offset: "f64", length: "f64", step: "f64", wrap: "f64", count: "u32" },
    result: "i32",
  },
  peer_log_open: { parameters: { path: "f64", size: "f64" }, result: "i32" },
  peer_log_append: { parameters: { source: "f64", length: "f64", count: "u32" }, result: "i32" },
  peer_obj_open: { parameters: { path: "f64", size: "f64" }, result: "i32" },
  peer_obj_transaction: { parameters: { number: "u32", step: "u32", count: "u32" }, result: "i32" },
} as const;

/** The functions of peers.c; each throws where it failed. */
export type Peers = Functions<typeof symbols>;

/** Which of Debian's packages are missing. */
export function missingPackages(): string[] {
  const found = spawnSync("dpkg-query", ["-W", "-f=${Package} ${db:Status-Status}\n", ...packages], {
    encoding: "utf8",
  });
  const installed = new Set((found.stdout ?? "").split("\n"));
  return packages.filter((name) => !installed.has(`${name} installed`));
}

/** Compiles peers.c. */
export function buildPeers(library: string): void {
  const source = fileURLToPath(new URL("peers.c", import.meta.url));
  const libraries = ["-lpmem", "-lpmemlog", "-lpmemobj"];
  execFileSync("gcc", ["-O2", "-fPIC", "-shared", "-Wall", "-Werror", "-o", library, source, ...libraries]);
}

/** Loads what {@linkcode buildPeers} made. PMEM_IS_PMEM_FORCE=1 must be set, or libpmem calls msync on tmpfs. */
export function loadPeers(library: string): Peers {
  const loaded = runtime()!.load(library, symbols) as Peers;
  const checked = Object.entries(loaded).map(([name, call]) => [name, (...parameters: number[]) => {
    const result = call(...parameters);
    if (result !== 0) throw new Error(`${name} failed`);
    return result;
  }]);
  return Object.fromEntries(checked) as Peers;
}

/** The loop of stores and flushes in C, over the bytes at an address; each round goes on where the last one ended. */
export function nativeLoop(peers: Peers, address: number, length: number, step: number): Side {
  let from = 0;
  return (count) => {
    peers.peer_loop(address, length, from, step, count);
    from = (from + step * count) % length;
  };
}

const kept: Uint8Array[] = [];

/** The address of a path for C. In an array of a size that no engine keeps in its heap, where it could move. */
export function pathAddress(path: string): number {
  const bytes = new Uint8Array(4096);
  new TextEncoder().encodeInto(path, bytes);
  kept.push(bytes);
  return runtime()!.addressOf(bytes)!;
}
