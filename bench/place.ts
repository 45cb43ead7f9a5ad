/**
 * What every row is given: where files may lie, what can be compared with, how programs are started.
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

/** For what needs a program of its own: how to start one. */
export interface Launch {
  readonly runtime: "Deno" | "Bun";
  /** The runtime's program and its flags; a file and its parameters follow. */
  readonly command: readonly [string, ...string[]];
  /** The top of the checkout, with a slash. */
  readonly root: string;
  /** A folder on tmpfs. */
  readonly memory: string;
  readonly isShort: boolean;
  /** What a row must have in its group and name to be measured. */
  readonly only: string;
}

/** Whether a row was asked for. */
export function isWanted(only: string, group: string, name: string): boolean {
  return `${group}: ${name}`.includes(only);
}
