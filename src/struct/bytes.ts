// Bytes and text of a fixed length, copied in and out.

import type { Codec, InnerType, Place } from "./cells.ts";
import { checkCount, corrupt } from "./refusal.ts";
import type { DataViewLike, Scalar } from "./types.ts";

const encoder = new TextEncoder();
/** Refuses what is no UTF-8, and leaves a byte order mark where it is: what is read is what was written. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readFile(
  _: DataViewLike,
  at: number,
  place: Place | undefined,
  byteLength: number,
): Uint8Array<ArrayBuffer> {
  return place!.bytes.slice(at, at + byteLength) as Uint8Array<ArrayBuffer>;
}

function storeFile(_: DataViewLike, at: number, source: Uint8Array, place: Place | undefined): void {
  place!.bytes.set(source, at);
}

function readView(view: DataViewLike, at: number, _: unknown, byteLength: number): Uint8Array<ArrayBuffer> {
  if (view.read) return view.read(at, byteLength);
  const bytes = new Uint8Array(byteLength);
  for (let i = 0; i < byteLength; i++) bytes[i] = view.getUint8(at + i);
  return bytes;
}

function storeView(view: DataViewLike, at: number, source: Uint8Array): void {
  if (view.write) view.write(at, source);
  else for (let i = 0; i < source.length; i++) view.setUint8(at + i, source[i]!);
}

/** A type of so many bytes, given how they become a value and how a value becomes so many bytes. */
function copied<Value>(
  name: string,
  byteLength: number,
  decode: (bytes: Uint8Array<ArrayBuffer>, at: number, place: Place | undefined) => Value,
  encode: (value: Value) => Uint8Array,
): Scalar<Value> {
  const codec = (read: typeof readFile, store: typeof storeFile): Codec => ({
    get: (view, at, place) => decode(read(view, at, place, byteLength), at, place),
    set: (view, at, value, place) => store(view, at, encode(value as Value), place),
  });
  const type: InnerType = {
    name,
    byteLength,
    alignment: 1,
    leadsOn: false,
    fileCodec: codec(readFile, storeFile),
    viewCodec: codec(readView, storeView),
  };
  return Object.freeze(type) as unknown as Scalar<Value>;
}

/**
 * Bytes: `uint8_t field[byteLength]` in C. Reading gives a copy; to change some of them, assign all, or take a view of the file.
 *
 * @param byteLength how many; a value has exactly as many
 * @throws {RangeError} if it is no integer from 1 on
 *
 * @example
 * ```ts
 * import { open } from "@daxfile/daxfile";
 * import { bytes, struct, u32 } from "@daxfile/daxfile/struct";
 *
 * const Blob = struct({ length: u32, digest: bytes(32) });
 * using file = open("example.dax", { create: true, size: 4096 });
 * const blob = Blob.at(file, 0);
 * blob.digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(3)));
 * blob.persist("digest");
 * ```
 */
export function bytes(byteLength: number): Scalar<Uint8Array<ArrayBuffer>> {
  checkCount("byteLength", byteLength);
  const name = `bytes(${byteLength})`;
  return copied<Uint8Array<ArrayBuffer>>(name, byteLength, (found) => found, (value) => {
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`${typeof value} is no ${name}: it takes a Uint8Array`);
    }
    if (value.length !== byteLength) {
      throw new RangeError(`${value.length} bytes do not fit into ${name}: it takes exactly ${byteLength}`);
    }
    return value;
  });
}

/**
 * Text in UTF-8: `char field[byteLength]` in C, NUL-padded. If it fills the field there is no NUL at its end, as with strncpy.
 *
 * What is read is what was written: text that is too long is a RangeError, never cut, and a NUL or half a surrogate pair is refused.
 * Reading stops at the first NUL, and throws a CorruptionError if what is before it is no UTF-8.
 *
 * @param byteLength bytes, not characters
 * @throws {RangeError} if it is no integer from 1 on
 *
 * @example
 * ```ts
 * import { open } from "@daxfile/daxfile";
 * import { struct, utf8 } from "@daxfile/daxfile/struct";
 *
 * const Guest = struct({ name: utf8(16) });
 * using file = open("example.dax", { create: true, size: 4096 });
 * const guest = Guest.at(file, 0);
 * guest.name = "Zoë"; // 4 bytes, and 12 NULs
 * guest.persist();
 * ```
 */
export function utf8(byteLength: number): Scalar<string> {
  checkCount("byteLength", byteLength);
  const name = `utf8(${byteLength})`;
  return copied<string>(name, byteLength, (found, at, place) => {
    const end = found.indexOf(0);
    try {
      return decoder.decode(end < 0 ? found : found.subarray(0, end));
    } catch {
      return corrupt(name, at, place, "it is not UTF-8");
    }
  }, (value) => {
    if (typeof value !== "string") {
      throw new TypeError(`${String(value)} (${typeof value}) is no ${name}: it takes a string`);
    }
    const padded = new Uint8Array(byteLength);
    if (encoder.encodeInto(value, padded).read < value.length) {
      const needed = encoder.encode(value).length;
      throw new RangeError(
        `${
          JSON.stringify(value)
        } does not fit into ${name}: it has ${needed} bytes, at most ${byteLength} fit`,
      );
    }
    if (value.includes("\0") || !value.isWellFormed()) {
      throw new RangeError(
        `${
          JSON.stringify(value)
        } does not fit into ${name}: it holds a NUL or half a surrogate pair, and would be read as another text`,
      );
    }
    return padded;
  });
}
