/**
 * A kernel in a few lines: the native functions that make system calls, on one file in one world. It knows which of the file's length,
 * blocks and name a power cut would spare.
 */

import type { Native } from "../../../ffi/library.ts";
import { Map as MapFlag, Mode, symbols } from "../../../ffi/symbols.ts";
import { workloadBytes } from "../../trace/workload.ts";
import { writeBack } from "../../trace/library_model.ts";
import { Memory } from "./memory.ts";
import { checksum, recordLength } from "./records.ts";
import * as seal from "./seal.ts";
import type { World } from "./world.ts";

const ENOENT = -2, EEXIST = -17, EINVAL = -22, EOPNOTSUPP = -95;
/** STATX_ATTR_DAX. */
const directly = 0x20_0000;
const O_CREAT = 0o100, O_TMPFILE = 0o20000000;

interface Inode {
  buffer: ArrayBuffer;
  allocatedBytes: number;
  properties: seal.Properties;
  /** What a power cut would spare of it. */
  durable: { byteLength: number; allocatedBytes: number; hasMetadata: boolean; properties: seal.Properties };
}

type Open = { text: string; path: string; at: number } | { inode: Inode } | { directory: true };

/** The kernel of one machine. */
export class Kernel {
  readonly memory = new Memory();
  /** What must never be: a name that a power cut leaves without its file. */
  readonly faults: string[] = [];
  /** What was written into files of /sys. */
  readonly written: string[] = [];
  /** Whether the file was mapped with MAP_SYNC. */
  isSynchronous = false;
  /** The name's file, and the one that a power cut would leave. */
  readonly name: { inode: Inode | undefined; durable: Inode | undefined } = {
    inode: undefined,
    durable: undefined,
  };
  readonly #world: World;
  readonly #open = new Map<number, Open>();
  #next = 10;

  constructor(world: World) {
    this.#world = world;
    if (!world.isDevice) return;
    this.name.inode = newInode();
    this.name.inode.buffer = new ArrayBuffer(workloadBytes);
  }

  /** The functions of the library. */
  get native(): Native {
    const own: Record<string, (...parameters: number[]) => number> = {
      cpu: () => (this.#world.method ?? Mode.clwb) | Mode.avx | 12 << Mode.pageShift,
      open: (path, flags) => this.#openFile(this.#text(path!), flags!),
      close: (file) => this.#open.delete(file!) ? 0 : -9,
      duplicate: (file) => this.#add(this.#open.get(file!)!),
      statx: (file, out) => this.#stat(file!, out!),
      statfs: () => EINVAL,
      read: (file, address, byteLength) => this.#read(file!, address!, byteLength!),
      write: (file, address, byteLength) => this.#write(file!, address!, byteLength!),
      readlink: (path, out, byteLength) => this.#readlink(this.#text(path!), out!, byteLength!),
      list: () => 0,
      lock: () => 0,
      guard: () => 0,
      unguard: () => 0,
      unmap: () => 0,
      map_zero: () => 0,
      allocate: (file, _, byteLength) => this.#onInode(file!, (inode) => inode.allocatedBytes = byteLength!),
      truncate: (file, byteLength) =>
        this.#onInode(file!, (inode) => inode.buffer = new ArrayBuffer(byteLength!)),
      sync: (file, dataOnly) => this.sync(file!, dataOnly !== 0),
      link: (from, to) => this.#link(this.#text(from!), this.#text(to!)),
      unlink: () => {
        this.name.inode = undefined;
        return 0;
      },
      inode: (file, request, at) => this.#onFile(file!, (of) => seal.inode(of, request!, this.#data(at!, 4))),
      attribute: (file, name, at, limit) =>
        this.#onFile(file!, (of) => seal.attribute(of, this.#text(name!), this.memory.bytes(at!, limit!))),
      set_attribute: (file, name, at, length) => {
        const value = length === 0 ? new Uint8Array() : this.memory.bytes(at!, length!);
        return this.#onFile(file!, (of) => seal.setAttribute(of, this.#text(name!), value));
      },
      extents: (file, at) =>
        this.#onFile(file!, (of, inode) => seal.extents(of, inode.buffer.byteLength, this.#data(at!, 88))),
      lease: (_, operation) => seal.lease(operation!),
      notice: () => 0,
      map: (file, _, __, flags) => this.#map(file!, flags!),
      scratch: (byteLength) => this.memory.add(new ArrayBuffer(byteLength!), false),
    };
    for (const name of [...writeBack, "commit"]) {
      own[name] = (...parameters) => this.memory.call(name, parameters);
    }
    const bytes = (address: number, byteLength: number) => this.memory.bytes(address, byteLength);
    own["record_length"] = (...parameters) => recordLength(bytes, parameters);
    own["checksum"] = (...parameters) => checksum(bytes, parameters);
    const entries = Object.keys(symbols).map((name) => {
      const missing = () => {
        throw new Error(`The simulated machine has no ${name}`);
      };
      return [name, own[name.slice("daxfile1_".length)] ?? missing];
    });
    return Object.fromEntries(entries) as Native;
  }

  /** fsync or fdatasync. */
  sync(file: number, dataOnly: boolean): number {
    const { memory } = this;
    const open = this.#open.get(file);
    if (open === undefined) return -9;
    const failed = memory.failure("directory" in open ? "sync of the directory" : "sync");
    if (failed !== 0) return failed;
    // fsync(2) promises a directory's entries, fdatasync nothing of them
    if ("directory" in open && !dataOnly) this.name.durable = this.name.inode;
    if (!("inode" in open)) return 0;
    const { inode } = open, before = inode.durable.hasMetadata;
    inode.durable = {
      byteLength: inode.buffer.byteLength,
      allocatedBytes: inode.allocatedBytes,
      hasMetadata: before || !dataOnly,
      // fdatasync(2) leaves out what is not needed to read the data
      properties: dataOnly ? inode.durable.properties : seal.copyOf(inode.properties),
    };
    if (this.#isMapped) {
      memory.look();
      memory.events.push({
        kind: "msync",
        method: dataOnly ? "fdatasync" : "fsync",
        byteOffset: 0,
        byteLength: 2 ** 20,
      });
    }
    return 0;
  }

  /** What a power cut after the making of the file would take away, in words. */
  lostOf(sparse: boolean): string | undefined {
    const { durable } = this.name;
    if (durable === undefined) return "the name is not durable";
    if (durable.durable.byteLength !== durable.buffer.byteLength) return "the length is not durable";
    if (!sparse && durable.durable.allocatedBytes !== durable.buffer.byteLength) {
      return "blocks are not durable";
    }
    return durable.durable.hasMetadata ? undefined : "owner and permissions are not durable";
  }

  get #isMapped(): boolean {
    return this.memory.file !== undefined;
  }

  #add(open: Open): number {
    this.#open.set(this.#next, open);
    return this.#next++;
  }

  #openFile(path: string, flags: number): number {
    const { texts, hasUnnamed, path: own } = this.#world;
    if (flags & O_TMPFILE) return hasUnnamed ? this.#add({ inode: newInode() }) : EOPNOTSUPP;
    const known = /^\/proc\/self\/fd\/(\d+)$/.exec(path)?.[1];
    if (known !== undefined) return this.#add(this.#open.get(Number(known))!);
    if (path in texts) return this.#add({ text: texts[path]!, path, at: 0 });
    if (own.startsWith(`${path}/`)) return this.#add({ directory: true });
    if (path !== own) return ENOENT;
    if (flags & O_CREAT) {
      if (this.name.inode !== undefined) return EEXIST;
      this.name.inode = newInode();
    }
    return this.name.inode === undefined ? ENOENT : this.#add({ inode: this.name.inode });
  }

  #link(from: string, to: string): number {
    const open = this.#open.get(Number(from.split("/").at(-1)));
    if (to !== this.#world.path || open === undefined || !("inode" in open)) return ENOENT;
    // From now on the directory may be written at any moment
    if (open.inode.durable.byteLength === 0) {
      this.faults.push("the name may survive without the file's length");
    }
    this.name.inode = open.inode;
    return 0;
  }

  #map(file: number, flags: number): number {
    const open = this.#open.get(file);
    if (open === undefined || !("inode" in open)) return EINVAL;
    const isSynchronous = (flags & MapFlag.sync) !== 0;
    if (isSynchronous && !this.#world.givesMapSync) return EOPNOTSUPP;
    this.isSynchronous = isSynchronous;
    return this.memory.add(open.inode.buffer, true);
  }

  #onFile(file: number, body: (of: seal.Properties, inode: Inode) => number): number {
    const open = this.#open.get(file);
    return open !== undefined && "inode" in open ? body(open.inode.properties, open.inode) : -9;
  }

  #data(address: number, byteLength: number): DataView {
    const { buffer, byteOffset } = this.memory.bytes(address, byteLength);
    return new DataView(buffer, byteOffset, byteLength);
  }

  #onInode(file: number, body: (inode: Inode) => void): number {
    const open = this.#open.get(file);
    if (open === undefined || !("inode" in open)) return EINVAL;
    body(open.inode);
    return 0;
  }

  #stat(file: number, out: number): number {
    const open = this.#open.get(file);
    if (open === undefined) return -9;
    const { isDevice, device, givesMapSync } = this.#world, data = this.#data(out, 256);
    const type = !("inode" in open) ? 0o040000 : isDevice ? 0o020000 : 0o100000;
    data.setUint16(28, type | 0o600, true);
    data.setBigUint64(40, BigInt("inode" in open && !isDevice ? open.inode.buffer.byteLength : 0), true);
    data.setUint32(isDevice ? 128 : 136, device[0], true);
    data.setUint32(isDevice ? 132 : 140, device[1], true);
    data.setBigUint64(144, 28n, true);
    data.setUint32(4, 4096, true);
    data.setUint32(16, 1, true);
    const flags = "inode" in open ? open.inode.properties.flags & seal.immutable : 0;
    data.setBigUint64(8, BigInt(flags | (givesMapSync ? directly : 0)), true);
    data.setBigUint64(56, BigInt(seal.immutable | directly), true);
    return 0;
  }

  #read(file: number, address: number, byteLength: number): number {
    const open = this.#open.get(file);
    if (open === undefined || !("text" in open)) return EINVAL;
    const bytes = new TextEncoder().encode(open.text).subarray(open.at, open.at + byteLength);
    this.memory.bytes(address, byteLength).set(bytes);
    open.at += bytes.length;
    return bytes.length;
  }

  #write(file: number, address: number, byteLength: number): number {
    const open = this.#open.get(file);
    if (open !== undefined && "inode" in open) {
      open.inode.properties.isWritten = true;
      return byteLength;
    }
    if (open === undefined || !("text" in open)) return EINVAL;
    const failed = this.memory.failure("write");
    if (failed !== 0) return failed;
    this.written.push(`${open.path}=${new TextDecoder().decode(this.memory.bytes(address, byteLength))}`);
    return byteLength;
  }

  #readlink(path: string, out: number, byteLength: number): number {
    const target = this.#world.links[path];
    if (target === undefined) return ENOENT;
    return new TextEncoder().encodeInto(target, this.memory.bytes(out, byteLength)).written;
  }

  #text(address: number): string {
    const { buffer, address: start } = this.memory.at(address);
    const bytes = new Uint8Array(buffer, address - start);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }
}

function newInode(): Inode {
  return {
    buffer: new ArrayBuffer(0),
    allocatedBytes: 0,
    properties: seal.newProperties(),
    durable: { byteLength: 0, allocatedBytes: 0, hasMetadata: false, properties: seal.newProperties() },
  };
}
