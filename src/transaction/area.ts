/**
 * The data area of a pool, as views: several where it is larger than one may be.
 *
 * @module
 */

import type { Region } from "../../mod.ts";
import type { Geometry } from "./layout.ts";

/** Bytes of a view: the most that {@linkcode Region.view} gives; whole cache lines. */
const windowBytes = 2 ** 30;

/** The bytes of a data area, from 0 to its length. The caller has checked every range. */
export class Area {
  readonly byteLength: number;
  /** The view that most accesses go to: the whole of all but very large areas. */
  readonly first: DataView;
  readonly #views: DataView[] = [];
  readonly #bytes: Uint8Array[] = [];

  constructor(file: Region, { dataOffset, dataLength }: Geometry) {
    this.byteLength = dataLength;
    for (let start = 0; start < dataLength; start += windowBytes) {
      const length = Math.min(windowBytes, dataLength - start);
      this.#views.push(file.view(DataView, dataOffset + start, length));
      this.#bytes.push(file.view(Uint8Array, dataOffset + start, length));
    }
    this.first = this.#views[0]!;
  }

  /** One byte. */
  byteAt(byteOffset: number): number {
    const window = Math.floor(byteOffset / windowBytes);
    return this.#views[window]!.getUint8(byteOffset - window * windowBytes);
  }

  /** A copy of a range. */
  copy(byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer> {
    if (byteOffset + byteLength <= this.first.byteLength) {
      return this.#bytes[0]!.slice(byteOffset, byteOffset + byteLength) as Uint8Array<ArrayBuffer>;
    }
    const copy = new Uint8Array(byteLength);
    this.#pieces(byteOffset, byteLength, (window, start, end, done) => {
      copy.set(this.#bytes[window]!.subarray(start, end), done);
    });
    return copy;
  }

  /** Stores bytes, which are not durable by that. */
  store(byteOffset: number, source: Uint8Array): void {
    this.#pieces(byteOffset, source.byteLength, (window, start, end, done) => {
      this.#bytes[window]!.set(source.subarray(done, done + end - start), start);
    });
  }

  #pieces(
    byteOffset: number,
    byteLength: number,
    each: (window: number, start: number, end: number, done: number) => void,
  ): void {
    for (let done = 0; done < byteLength;) {
      const window = Math.floor((byteOffset + done) / windowBytes);
      const start = byteOffset + done - window * windowBytes;
      const end = Math.min(windowBytes, start + byteLength - done);
      each(window, start, end, done);
      done += end - start;
    }
  }
}
