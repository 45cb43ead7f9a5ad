// CRC-32C in TypeScript, a byte at a time: what the library's native code computes, for a region that has none.

/** The remainder of each byte, for the polynomial 0x1edc6f41 with its bits reversed. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let i = 0; i < 8; i++) byte = (byte >>> 1) ^ (byte & 1 ? 0x82f63b78 : 0);
  return byte;
});

/** The checksum of bytes from `start` to `end`, continued from that of what comes before them; from 0 it is the standard one. */
export function crc32c(bytes: Uint8Array, seed = 0, start = 0, end: number = bytes.length): number {
  let state = ~seed;
  for (let i = start; i < end; i++) state = (state >>> 8) ^ table[(state ^ bytes[i]!) & 0xff]!;
  return ~state >>> 0;
}
