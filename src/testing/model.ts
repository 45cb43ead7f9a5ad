// The four persistency models: what may be lost when the power fails. Only the rules; pending.ts applies them.

/**
 * What the simulated machine may lose.
 *
 * - `px86`: x86 persistent memory. Of the stores to one 64-byte line a prefix survives; lines are independent.
 * - `word`: any 8-byte word may survive without any other. Weaker than any processor: it rejects protocols that
 *   rely on the order of stores within a line.
 * - `sector`: a file on a disk. 512-byte sectors are written at any time and in any order; msync is the fence.
 * - `eadr`: caches survive. A prefix of the whole program's stores survives; non-temporal stores need a fence.
 */
export type Model = "px86" | "word" | "sector" | "eadr";

/** Bytes that one cache flush covers. */
export const LINE_BYTES = 64;
/** Bytes that one msync covers: the smallest page there is, because a larger one only hides bugs. */
export const PAGE_BYTES = 4096;

/** The rules of one model, decided once. */
export interface Rules {
  readonly model: Model;
  /** log2 of the bytes among which stores are ordered: a line, a word, a sector or the whole file. */
  readonly unitShift: number;
  /** Bytes to which a flushed range is rounded outwards. */
  readonly flushBytes: number;
  /** Whether a flush is durable on return, as msync is. */
  readonly flushDrains: boolean;
  /** Whether a drain makes every earlier store durable, flushed or not. */
  readonly drainCoversAll: boolean;
  /** Whether non-temporal stores leave the order of their unit. */
  readonly nontemporal: boolean;
  /** How one store of several words tears: any of its words first, or the lower ones first. */
  readonly tearing: "any" | "ascending";
}

const cacheLine = {
  flushBytes: LINE_BYTES,
  flushDrains: false,
  drainCoversAll: false,
  nontemporal: true,
  tearing: "any",
} as const;

/** The rules by name. */
export const MODELS: Readonly<Record<Model, Rules>> = {
  px86: { model: "px86", unitShift: 6, ...cacheLine },
  word: { model: "word", unitShift: 3, ...cacheLine },
  // The kernel reads a sector while the program stores into it, so it can hold any state between two stores. A copy
  // within it is taken to ascend: 2^64 orders of a sector's words would hide every other question.
  sector: {
    model: "sector",
    unitShift: 9,
    flushBytes: PAGE_BYTES,
    flushDrains: true,
    drainCoversAll: false,
    nontemporal: false,
    tearing: "ascending",
  },
  // A store is durable once it has left the store buffer, which happens in program order and at the latest at a
  // fence: so a prefix that reaches at least to the last drain, not "everything".
  eadr: { model: "eadr", unitShift: 31, ...cacheLine, drainCoversAll: true },
};
