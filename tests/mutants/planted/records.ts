/** A structure for the harness's own tests: what its crash scenarios see, and what they do not, is planted. */

import type { Region } from "../../../mod.ts";

/** Bytes of a record, and where the first one begins. */
const recordBytes = 100, firstByte = 128;

/** Appends records and counts them. */
export class Records {
  readonly #file: Region;
  readonly #count: BigUint64Array;

  constructor(file: Region) {
    this.#file = file;
    this.#count = file.view(BigUint64Array, 0, 1);
  }

  /** Appends a record of one repeated byte. */
  append(value: number): void {
    const count = Number(this.#count[0]!), start = firstByte + count * recordBytes;
    const record = this.#file.view(Uint8Array, start, recordBytes);
    for (let i = 0; i < recordBytes; i++) record[i] = value;
    this.#file.flush(start + 8, recordBytes - 16); // the next one makes it superfluous
    this.#file.persist(record);
    this.#file.view(Uint8Array, 64, 1)[0] = value;
    this.#file.persist(64, 1); // nobody recovers the latest value
    this.#file.store64(0, count + 1);
  }

  /** Nobody clears. */
  clear(): void {
    this.#count.fill(0n);
    this.#file.persist(this.#count);
  }

  /** Every record, as its bytes. */
  all(): number[][] {
    return Array.from({ length: Number(this.#count[0]!) }, (_, index) => {
      const start = firstByte + index * recordBytes;
      return Array.from(this.#file.view(Uint8Array, start, recordBytes));
    });
  }
}
