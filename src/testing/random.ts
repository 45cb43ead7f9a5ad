// A small seeded generator, so that a run is repeated by one number. Not for secrets.

/**
 * Makes a generator of numbers in [0, 1) that depends on the seeds alone (mulberry32).
 *
 * @param seeds mixed together; the same seeds give the same numbers in every runtime
 */
export function randomFrom(...seeds: number[]): () => number {
  let state = 0x9e3779b9;
  for (const seed of seeds) {
    state = Math.imul(state ^ (seed | 0), 0x85ebca6b);
    state ^= state >>> 13;
  }
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
