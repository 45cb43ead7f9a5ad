/** Bytes to recognise: numbers that differ from their neighbours, and ranges that must not have been touched. */

import { closeSync, openSync, readSync, truncateSync, writeFileSync } from "node:fs";

/** `byteLength` bytes that depend on their place and on `seed`. */
export function pattern(byteLength: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLength);
  for (let i = 0, x = seed >>> 0; i < byteLength; i++) {
    x = Math.imul(x, 1664525) + 1013904223 >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

/** Makes a file of zeros, every byte of it written. */
export function makeFile(path: string, byteLength: number): string {
  writeFileSync(path, new Uint8Array(byteLength));
  return path;
}

/** Makes a file that is one hole. */
export function makeHole(path: string, byteLength: number): string {
  writeFileSync(path, "");
  truncateSync(path, byteLength);
  return path;
}

/** Bytes of a file as another program reads them. */
export function readAt(path: string, byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer> {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(byteLength);
    return bytes.subarray(0, readSync(file, bytes, 0, byteLength, byteOffset));
  } finally {
    closeSync(file);
  }
}

/** The first place where two ranges differ, or −1: equal without a comparison of a million numbers one by one. */
export function difference(actual: Uint8Array, expected: Uint8Array): number {
  if (actual.length !== expected.length) return Math.min(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) if (actual[i] !== expected[i]) return i;
  return -1;
}
