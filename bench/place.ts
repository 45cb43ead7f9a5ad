/**
 * What every row is given: where files may lie, and what can be compared with.
 *
 * @module
 */

import type { Peers } from "./peers/c.ts";

/** A folder on memory and one on a disk, and the peers that are there. */
export interface Place {
  /** On tmpfs: ordinary memory, which both sides are told to take for persistent memory. */
  readonly memory: string;
  /** On a disk: both sides wait for it. */
  readonly disk: string;
  readonly peers: Peers;
  readonly runtime: "Deno" | "Bun";
  /** A short run leaves out what takes minutes. */
  readonly isShort: boolean;
}
