/**
 * Sizes as people read them.
 *
 * @module
 */

const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** A number of bytes in the largest unit that leaves it at least 1: `1 byte`, `4 KiB`, `1.5 GiB`. */
export function inUnits(bytes: number): string {
  if (bytes === 1) return "1 byte";
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power]}`;
}

/**
 * A number of bytes as people write it: `4096`, `64K`, `2M`, `2MiB`, `1G`.
 *
 * @throws {RangeError} if it is none
 */
export function toBytes(text: string): number {
  const [, digits, unit] = /^(\d{1,15})(?:([KMGT])(?:iB)?)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * 1024 ** ("KMGT".indexOf((unit ?? "").toUpperCase() || "-") + 1);
  if (!Number.isSafeInteger(bytes)) {
    throw new RangeError(`${JSON.stringify(text)} is no number of bytes such as 4096, 64K or 2M`);
  }
  return bytes;
}

/** A number of things: `1 extent`, `2 extents`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
