/**
 * Numbers as people read them.
 *
 * @module
 */

const grouped = new Intl.NumberFormat("en-US");
const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** A whole number with its thousands apart. */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** An amount of cents. */
export function formatCents(cents: number): string {
  return money.format(cents / 100);
}

/** A duration to three figures, in the unit that suits it. */
export function formatDuration(nanoseconds: number): string {
  const units = ["ns", "µs", "ms", "s"];
  let value = nanoseconds, unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const rounded = value >= 99.5 || unit === 0 ? value.toFixed(0) : value.toPrecision(value >= 9.95 ? 3 : 2);
  return `${rounded.replace(/\.0+$/, "")} ${units[unit]}`;
}

/** A number of bytes. */
export function formatBytes(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes >= 1 ? `${grouped.format(mebibytes)} MiB` : `${grouped.format(bytes / 1024)} KiB`;
}
