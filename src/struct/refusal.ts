// What is refused, each in one place, so that the messages have one shape.

import { CorruptionError } from "../../mod.ts";
import type { Place } from "./cells.ts";

/** A value that is not of its field's type, a TypeError, or does not fit into it, a RangeError. */
export function refuse(
  type: string,
  value: unknown,
  expected: "number" | "bigint" | "boolean",
  limits: string,
): never {
  const said = typeof value === "bigint"
    ? `${value}n`
    : typeof value === "string"
    ? JSON.stringify(value)
    : String(value);
  const found = value === null ? "null" : typeof value;
  if (found === expected) {
    throw new RangeError(`${said} does not fit into ${type}: it takes ${limits}`);
  }
  throw new TypeError(
    `${said} (${found}) is no ${type}: it takes ${limits}`,
  );
}

/** Bytes that nobody stored as a value of this type. */
export function corrupt(type: string, at: number, place: Place | undefined, reason: string): never {
  const byteOffset = (place?.byteOffset ?? 0) + at;
  throw new CorruptionError({
    operation: `read ${type}`,
    error: "EUCLEAN",
    path: place?.file.path,
    reason: `${reason}, at byteOffset ${byteOffset}`,
    hint: "Look at the bytes as u8 or bytes(n), and write them anew",
    byteOffset,
  });
}

/** A number that counts bytes or elements. */
export function checkCount(what: string, count: number): void {
  if (typeof count !== "number") throw new TypeError(`${what} is a number, not ${typeof count}`);
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`${what} ${count} is not an integer from 1 to 2^53 - 1`);
  }
}
