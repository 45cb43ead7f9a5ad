/**
 * The SIGBUS guard of one mapping: native code puts an empty page under a fault that the file could not serve and counts it,
 * where the process would otherwise end. Both runtimes have a SIGBUS handler of their own, which still gets every other fault.
 *
 * @module
 */

import { library } from "../ffi/library.ts";
import { DaxError } from "./errors.ts";

/** Bytes of the page that holds the counter. */
const counterBytes = 4096;

/** As many mappings as native code guards at a time (`slots_max` in zig/guard.zig). */
const guardsMax = 128;

/** Counts the faults in one mapping, from its making to its close. */
export class Guard {
  readonly #address: number;
  readonly #counterAddress: number;
  readonly #faults: Uint32Array;
  #reported = false;

  /**
   * Guards a range.
   *
   * @throws {DaxError} ENOMEM if too many mappings are guarded at once
   */
  constructor(address: number, byteLength: number, path: string) {
    const { native, runtime } = library();
    this.#address = address;
    this.#counterAddress = native.daxfile1_scratch(counterBytes);
    const result = this.#counterAddress < 0
      ? this.#counterAddress
      : native.daxfile1_guard(address, byteLength, this.#counterAddress);
    if (result < 0) {
      if (this.#counterAddress > 0) native.daxfile1_unmap(this.#counterAddress, counterBytes);
      throw result === -28 /* ENOSPC */
        ? new DaxError({
          operation: "guard",
          error: "ENOMEM",
          path,
          reason: `${guardsMax} files are guarded already, which is the limit`,
          hint: "Close some of them, or open it without guard",
        })
        : new DaxError({ operation: "guard", error: -result, path });
    }
    this.#faults = new Uint32Array(runtime.buffer(this.#counterAddress, counterBytes), 0, 1);
  }

  /** Whether any access met memory that was not there; asking counts as reporting it. */
  faulted(): boolean {
    const faulted = Atomics.load(this.#faults, 0) > 0;
    if (faulted) this.#reported = true;
    return faulted;
  }

  /** Ends the guard; the mapping is still there. True if there were faults that nobody has asked about. */
  close(): boolean {
    const { native } = library();
    native.daxfile1_unguard(this.#address);
    const unreported = !this.#reported && Atomics.load(this.#faults, 0) > 0;
    (this.#faults.buffer as ArrayBuffer).transfer(0);
    native.daxfile1_unmap(this.#counterAddress, counterBytes);
    return unreported;
  }
}
