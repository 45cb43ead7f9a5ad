/**
 * Writing a whole file back while the event loop goes on.
 *
 * @module
 */

import { library, type Native } from "../ffi/library.ts";
import { Mode } from "../ffi/symbols.ts";
import { DaxError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import type { Mapping } from "./mapping.ts";
import { closeFile } from "./system.ts";

/** How many bytes are flushed between two looks at the clock, and for how many milliseconds before the event loop has its turn. */
const stepBytes = 2 ** 18, turnMs = 1;

/** Makes all bytes durable, on another thread (msync) or a piece at a time. The gate has let it through. */
export async function syncFile(native: Native, mapping: Mapping, mode: number, gate: Gate): Promise<void> {
  const method = mode & Mode.methodMask;
  if (method === Mode.msync) {
    // A descriptor of its own: close may come first, and its number would be somebody else's by then
    const file = native.daxfile1_duplicate(mapping.file);
    if (file < 0) throw new DaxError({ operation: "sync", error: -file, path: gate.path });
    const result = await library().runtime.sync(file, true).finally(() => closeFile(file));
    if (result !== 0) gate.failed("sync", result);
  } else {
    const end = method === Mode.fence ? 0 : gate.size;
    let turn = performance.now();
    for (let done = 0; done < end; done += stepBytes) {
      gate.mustBeOpen("sync");
      native.daxfile1_flush(mapping.address + done, Math.min(stepBytes, end - done), mode);
      if (performance.now() - turn < turnMs) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
      turn = performance.now();
    }
    gate.mustBeOpen("drain");
    native.daxfile1_drain(mode);
  }
  gate.mustBeOpen("sync");
  gate.checkSurvivors("sync", 0, gate.size);
}
