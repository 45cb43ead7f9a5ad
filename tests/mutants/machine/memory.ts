/** The address space of a simulated process, and the native functions that write back: they do what they do and tell of it. */

import { effects } from "../../trace/library_model.ts";
import type { NativeEvent } from "../../trace/events.ts";
import { commit, putRecord } from "./records.ts";

/** A piece of the address space. */
export interface Piece {
  readonly address: number;
  readonly buffer: ArrayBuffer;
  /** For a file: what its bytes are known to be, to find what the program stored. */
  readonly known?: Uint8Array;
}

/** Gigabytes apart, so that nothing that is a little wrong meets another piece. */
const strideBytes = 2 ** 31;

/** Memory with a record of what is done to the file that was mapped last. */
export class Memory {
  readonly events: NativeEvent[] = [];
  readonly #pieces: Piece[] = [];
  /** Whether the next call's flush is told of before the store that it should cover. */
  hoists = false;
  /** The call that fails next, and its −errno. */
  failing: { name: string; result: number } | undefined;

  /** Adds a piece; `known` where it is a file. */
  add(buffer: ArrayBuffer, isFile: boolean): number {
    const address = strideBytes * (this.#pieces.length + 1);
    this.#pieces.push({ address, buffer, ...(isFile && { known: new Uint8Array(buffer.slice()) }) });
    return address;
  }

  /** The address of bytes of the program's own. */
  addressOf({ buffer, byteOffset }: ArrayBufferView): number {
    const piece = this.#pieces.find((piece) => piece.buffer === buffer);
    return (piece?.address ?? this.add(buffer as ArrayBuffer, false)) + byteOffset;
  }

  /** The piece that an address lies in. */
  at(address: number): Piece {
    const piece = this.#pieces.find((piece) =>
      address >= piece.address && address < piece.address + piece.buffer.byteLength
    );
    if (piece === undefined) throw new Error(`Nothing is mapped at ${address}`);
    return piece;
  }

  /** Bytes that native code is told of by their address. */
  bytes(address: number, byteLength: number): Uint8Array {
    const { buffer, address: start } = this.at(address);
    return new Uint8Array(buffer, address - start, byteLength);
  }

  /** The file that was mapped last. */
  get file(): Piece {
    return this.#pieces.findLast(({ known }) => known !== undefined)!;
  }

  /** Tells of what the program stored into the file since it was last looked at. */
  look(): void {
    const { buffer, known } = this.file;
    if (buffer.detached) return;
    const now = new Uint8Array(buffer);
    const words = new Uint32Array(buffer, 0, now.length >>> 2),
      knownWords = new Uint32Array(known!.buffer, 0, words.length);
    for (let i = 0; i < now.length; i++) {
      if ((i & 3) === 0) {
        let word = i >>> 2;
        while (word < words.length && words[word] === knownWords[word]) word++;
        i = Math.max(i, word << 2);
      }
      if (i >= now.length || now[i] === known![i]) continue;
      const start = i;
      while (i < now.length && now[i] !== known![i]) i++;
      this.events.push({ kind: "changed", byteOffset: start, byteLength: i - start });
    }
    known!.set(now);
  }

  /** What a call answers where it shall fail, once; else 0. */
  failure(name: string): number {
    if (this.failing?.name !== name) return 0;
    const { result } = this.failing;
    this.failing = undefined;
    return result;
  }

  /** One of the functions that write back. */
  call(name: string, parameters: readonly number[]): number {
    this.look();
    const failed = this.failure(name);
    if (failed !== 0) return failed;
    const { address, known, buffer } = this.file;
    const [start = 0, second = 0, third = 0] = parameters;
    if (name === "copy") this.bytes(start, third).set(this.bytes(second, third).slice());
    if (name === "fill") this.bytes(start, second).fill(third);
    if (name === "store64") {
      const { buffer, byteOffset } = this.bytes(start, 8);
      const data = new DataView(buffer, byteOffset);
      data.setUint32(0, second, true);
      data.setUint32(4, third, true);
    }
    const bytes = (address: number, byteLength: number) => this.bytes(address, byteLength);
    if (name === "record") putRecord(bytes, parameters);
    const committed = name === "commit" ? commit(bytes, parameters) : undefined;
    known!.set(new Uint8Array(buffer));
    const addresses = { drain: [], copy: [0, 1], fill: [0] }[name] ?? [0];
    const offsets = parameters.map((value, index) => addresses.includes(index) ? value - address : value);
    this.#tell(committed ?? effects(name, offsets)!);
    return 0;
  }

  #tell(made: readonly NativeEvent[]): void {
    for (const event of made) {
      const isStore = (other: NativeEvent) => ["store", "stream", "changed"].includes(other.kind);
      if (!this.hoists || isStore(event)) {
        this.events.push(event);
        continue;
      }
      const covers = (other: NativeEvent) => event.kind === "fence" ? other.kind !== "fence" : isStore(other);
      const last = this.events.findLastIndex(covers);
      this.events.splice(Math.max(last, 0), 0, event);
    }
  }
}
