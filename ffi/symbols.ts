/**
 * The native functions, their parameters in order and what they return: the one table that both runtimes load and that a
 * test compares with zig/root.zig.
 *
 * Only f64, u32 and i32 cross: both runtimes pass them without allocating. Addresses, lengths and file offsets are f64, exact
 * to 2^53; results are 0 or more, or −errno. `mode` is the word that {@linkcode Mode} describes. Paths and structures lie in
 * memory that `daxfile1_scratch` mapped, and cross as its address.
 *
 * @module
 */

/** A type that crosses the boundary. */
export type Type = "f64" | "u32" | "i32";

/** A function's parameters, in order, and its result. */
export type Signature = { readonly parameters: Readonly<Record<string, Type>>; readonly result: Type };

/** The version of the table below: the number in every name, and what `daxfile_abi` answers. */
export const abiVersion = 1;

/** What every version of the library has, to be asked first. */
export const versionSymbol = {
  daxfile_abi: { parameters: {}, result: "u32" },
} as const satisfies Record<string, Signature>;

/** Every native function. */
export const symbols = {
  // Caches: how a write becomes durable
  daxfile1_cpu: { parameters: {}, result: "u32" },
  daxfile1_persist: { parameters: { address: "f64", byteLength: "f64", mode: "u32" }, result: "i32" },
  daxfile1_flush: { parameters: { address: "f64", byteLength: "f64", mode: "u32" }, result: "i32" },
  daxfile1_drain: { parameters: { mode: "u32" }, result: "i32" },
  daxfile1_store64: { parameters: { address: "f64", low: "u32", high: "u32", mode: "u32" }, result: "i32" },
  daxfile1_copy: {
    parameters: { destination: "f64", source: "f64", byteLength: "f64", mode: "u32" },
    result: "i32",
  },
  daxfile1_fill: {
    parameters: { address: "f64", byteLength: "f64", value: "u32", mode: "u32" },
    result: "i32",
  },
  daxfile1_checksum: {
    parameters: { address: "f64", byteLength: "f64", seed: "u32", mode: "u32" },
    result: "f64",
  },
  daxfile1_record: {
    parameters: {
      destination: "f64",
      source: "f64",
      byteLength: "f64",
      low: "u32",
      high: "u32",
      seed: "u32",
      mode: "u32",
    },
    result: "i32",
  },
  daxfile1_record_length: {
    parameters: { address: "f64", byteLength: "f64", seed: "u32", mode: "u32" },
    result: "f64",
  },
  daxfile1_commit: {
    parameters: {
      address: "f64",
      byteLength: "f64",
      byteOffset: "f64",
      batch: "f64",
      batchLength: "f64",
      previous: "f64",
      previousLength: "f64",
      low: "u32",
      high: "u32",
      seed: "u32",
      mode: "u32",
    },
    result: "i32",
  },

  // Mappings
  daxfile1_map: {
    parameters: { file: "i32", byteLength: "f64", alignBytes: "f64", flags: "u32" },
    result: "f64",
  },
  daxfile1_unmap: { parameters: { address: "f64", byteLength: "f64" }, result: "i32" },
  daxfile1_map_zero: { parameters: { address: "f64", byteLength: "f64" }, result: "i32" },
  daxfile1_scratch: { parameters: { byteLength: "f64" }, result: "f64" },
  daxfile1_guard: { parameters: { address: "f64", byteLength: "f64", faults: "f64" }, result: "i32" },
  daxfile1_unguard: { parameters: { address: "f64" }, result: "i32" },

  // Files; every interrupted call is resumed
  daxfile1_open: { parameters: { path: "f64", flags: "u32", mode: "u32" }, result: "i32" },
  daxfile1_close: { parameters: { file: "i32" }, result: "i32" },
  daxfile1_duplicate: { parameters: { file: "i32" }, result: "i32" },
  daxfile1_statx: { parameters: { file: "i32", out: "f64" }, result: "i32" },
  daxfile1_statfs: { parameters: { file: "i32", out: "f64" }, result: "i32" },
  daxfile1_read: {
    parameters: { file: "i32", address: "f64", byteLength: "f64", byteOffset: "f64" },
    result: "f64",
  },
  daxfile1_write: {
    parameters: { file: "i32", address: "f64", byteLength: "f64", byteOffset: "f64" },
    result: "f64",
  },
  daxfile1_seek: { parameters: { file: "i32", byteOffset: "f64", whence: "u32" }, result: "f64" },
  daxfile1_allocate: { parameters: { file: "i32", byteOffset: "f64", byteLength: "f64" }, result: "i32" },
  daxfile1_truncate: { parameters: { file: "i32", byteLength: "f64" }, result: "i32" },
  daxfile1_lock: { parameters: { file: "i32", operation: "u32" }, result: "i32" },
  daxfile1_sync: { parameters: { file: "i32", dataOnly: "u32" }, result: "i32" },
  daxfile1_extents: { parameters: { file: "i32", fiemap: "f64" }, result: "i32" },
  daxfile1_list: { parameters: { file: "i32", out: "f64", byteLength: "u32" }, result: "i32" },
  daxfile1_readlink: { parameters: { path: "f64", out: "f64", byteLength: "u32" }, result: "i32" },
  daxfile1_link: { parameters: { from: "f64", to: "f64" }, result: "i32" },
  daxfile1_unlink: { parameters: { path: "f64" }, result: "i32" },
  daxfile1_daxctl: {
    parameters: { number: "u32", path: "f64", flags: "i32", alignBytes: "i32" },
    result: "i32",
  },

  // What keeps a file's blocks in place
  daxfile1_inode: { parameters: { file: "i32", request: "u32", structure: "f64" }, result: "i32" },
  daxfile1_lease: { parameters: { file: "i32", operation: "u32" }, result: "i32" },
  daxfile1_notice: { parameters: { file: "i32", operation: "u32" }, result: "i32" },
  daxfile1_attribute: {
    parameters: { file: "i32", name: "f64", out: "f64", byteLength: "u32" },
    result: "i32",
  },
  daxfile1_set_attribute: {
    parameters: { file: "i32", name: "f64", value: "f64", byteLength: "u32" },
    result: "i32",
  },
  daxfile1_collapse: { parameters: { file: "i32", byteOffset: "f64", byteLength: "f64" }, result: "i32" },
} as const satisfies Record<string, Signature>;

/** The loaded functions: numbers in, a number out. */
export type Functions<Table> = { readonly [name in keyof Table]: (...parameters: number[]) => number };

/** What `daxfile1_map` takes as flags. */
export const Map = {
  /** Stores are allowed. */
  writable: 1,
  /** MAP_SYNC: the file system keeps its metadata durable by itself, so that a cache flush is enough. */
  sync: 2,
  /** Stores stay in this process and never reach the file. */
  private: 4,
} as const;

/**
 * The bits of the word that says how to write back, decided once when a file is opened.
 *
 * `daxfile1_cpu` answers with the best method, the vector bits and the page size of this machine; the rest is added to it.
 * The branch on it in native code is predicted, and costs less than a second native function would: a call site in V8
 * that has seen two of them is some 60 ns slower.
 */
export const Mode = {
  /** Bits 0–3, the method; one of the six below. */
  methodMask: 0xf,
  /** The caches are inside the persistence domain: a fence is all. */
  fence: 0,
  /** x86-64 CLWB. */
  clwb: 1,
  /** x86-64 CLFLUSHOPT. */
  clflushopt: 2,
  /** x86-64 CLFLUSH. */
  clflush: 3,
  /** aarch64 DC CVAP, to the point of persistence. */
  cvap: 4,
  /** aarch64 DC CVAC, to the point of coherency. */
  cvac: 5,
  /** msync of whole pages. */
  msync: 6,
  /** The system enabled the 256-bit registers. */
  avx: 1 << 4,
  /** The system enabled the 512-bit registers. */
  avx512: 1 << 5,
  /** Copy and fill with non-temporal stores, whatever the size. */
  nontemporal: 1 << 6,
  /** Copy and fill with ordinary stores, whatever the size. */
  temporal: 1 << 7,
  /** Copy and fill without the fence: the caller drains later. */
  noDrain: 1 << 8,
  /** The processor computes CRC-32C; on x86-64 it multiplies polynomials as well. */
  crc32c: 1 << 9,
  /** Bits 16–23: the page size is 2 to this power. */
  pageShift: 16,
} as const;
