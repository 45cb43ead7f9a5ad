/**
 * Bun.mmap: a file as an array, as daxfile's views are, but with nothing to make a store durable.
 *
 * @module
 */

interface Bun {
  mmap(path: string, options: { shared: boolean }): Uint8Array;
}

/** A file's bytes as numbers, mapped by Bun. */
export function mappedByBun(path: string): Float64Array {
  const { Bun } = globalThis as unknown as { Bun: Bun };
  const bytes = Bun.mmap(path, { shared: true });
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
}
