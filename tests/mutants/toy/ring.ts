/** A structure to try the mutants of structures on: records of 100 bytes, and how many there are. */

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
    const scratch = new Uint8Array(recordBytes);
    scratch.fill(value);
    if (count % 3 === 0) {
      this.#file.write(start, scratch);
    } else if (count % 3 === 1) {
      const record = this.#file.view(Uint8Array, start, recordBytes);
      for (let i = 0; i < recordBytes; i++) record[i] = value;
      this.#file.persist(record);
    } else {
      const record = this.#file.view(Uint8Array, start, recordBytes);
      for (let i = 0; i < recordBytes; i++) record[i] = value;
      this.#file.flush(start, recordBytes);
      this.#file.drain();
    }
    this.#file.store64(0, count + 1);
  }

  /** Every record, as its bytes. */
  all(): number[][] {
    return Array.from({ length: Number(this.#count[0]!) }, (_, index) => {
      const start = firstByte + index * recordBytes;
      return Array.from(this.#file.view(Uint8Array, start, recordBytes));
    });
  }
}
