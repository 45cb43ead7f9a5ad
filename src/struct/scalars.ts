// Numbers and booleans: how each is read, checked and written.

import { type Codec, fresh, type InnerType, type Place } from "./cells.ts";
import { corrupt, refuse } from "./refusal.ts";
import type { DataViewLike, Scalar } from "./types.ts";

/** What is done with a value that a check found wrong. */
const wrong = {
  integer: (type: string, x: number, limits: string): never =>
    refuse(type, x, "number", `integers from ${limits}`),
  number: (type: string, x: number): never => refuse(type, x, "number", "numbers"),
  bool: (x: boolean): never => refuse("bool", x, "boolean", "true and false"),
  byte: (byte: number, at: number, place: Place | undefined): never =>
    corrupt("a bool", at, place, `it is ${byte}, and not 0 or 1`),
  u64(x: bigint): bigint {
    if (typeof x === "bigint" && x >= 0n && x <= 0xffff_ffff_ffff_ffffn) return x;
    return refuse("u64", x, "bigint", "bigints from 0n to 2n ** 64n - 1n");
  },
  i64(x: bigint): bigint {
    if (typeof x === "bigint" && x >= -0x8000_0000_0000_0000n && x <= 0x7fff_ffff_ffff_ffffn) return x;
    return refuse("i64", x, "bigint", "bigints from -(2n ** 63n) to 2n ** 63n - 1n");
  },
};

/**
 * For `fresh`: every codec. The checks are written out, as a function for each is one more than the engines look through; in loops over
 * several fields they cost nothing that could be measured, but for 64 bits about 2 ns.
 */
function codecs({ integer, number, bool, byte, u64, i64 }: typeof wrong) {
  type Read<T> = (v: DataViewLike, at: number, place?: Place) => T;
  type Store<T> = (v: DataViewLike, at: number, x: T) => void;
  const row = <T>(get: Read<T>, set: Store<T>): Codec => ({ get, set: set as Codec["set"] });
  return {
    u8: row(
      (v, at) => v.getUint8(at),
      (v, at, x: number) => v.setUint8(at, x === (x & 255) ? x : integer("u8", x, "0 to 255")),
    ),
    i8: row(
      (v, at) => v.getInt8(at),
      (v, at, x: number) => v.setInt8(at, x === x << 24 >> 24 ? x : integer("i8", x, "-128 to 127")),
    ),
    u16: row(
      (v, at) => v.getUint16(at, true),
      (v, at, x: number) => v.setUint16(at, x === (x & 65535) ? x : integer("u16", x, "0 to 65535"), true),
    ),
    i16: row(
      (v, at) => v.getInt16(at, true),
      (v, at, x: number) =>
        v.setInt16(at, x === x << 16 >> 16 ? x : integer("i16", x, "-32768 to 32767"), true),
    ),
    u32: row(
      (v, at) => v.getUint32(at, true),
      (v, at, x: number) => v.setUint32(at, x === x >>> 0 ? x : integer("u32", x, "0 to 2^32 - 1"), true),
    ),
    i32: row(
      (v, at) => v.getInt32(at, true),
      (v, at, x: number) => v.setInt32(at, x === (x | 0) ? x : integer("i32", x, "-2^31 to 2^31 - 1"), true),
    ),
    f32: row(
      (v, at) => v.getFloat32(at, true),
      (v, at, x: number) => v.setFloat32(at, typeof x === "number" ? x : number("f32", x), true),
    ),
    f64: row(
      (v, at) => v.getFloat64(at, true),
      (v, at, x: number) => v.setFloat64(at, typeof x === "number" ? x : number("f64", x), true),
    ),
    // V8 compares as plain 64 bits what lies in 0 to 2^63 - 1
    u64: row(
      (v, at) => v.getBigUint64(at, true),
      (v, at, x: bigint) =>
        v.setBigUint64(
          at,
          typeof x === "bigint" && x >= 0n && x <= 0x7fff_ffff_ffff_ffffn ? x : u64(x),
          true,
        ),
    ),
    i64: row(
      (v, at) => v.getBigInt64(at, true),
      (v, at, x: bigint) =>
        v.setBigInt64(at, typeof x === "bigint" && x >= 0n && x <= 0x7fff_ffff_ffff_ffffn ? x : i64(x), true),
    ),
    bool: row((v, at, place) => {
      const found = v.getUint8(at);
      return found <= 1 ? found === 1 : byte(found, at, place);
    }, (v, at, x: boolean) => v.setUint8(at, x === true ? 1 : x === false ? 0 : bool(x))),
  } as Record<string, Codec>;
}

const onFile = codecs(wrong), onViews = fresh(codecs, wrong);

function scalar<Value>(name: string, byteLength: number): Scalar<Value> {
  const type: InnerType = {
    name,
    byteLength,
    alignment: byteLength,
    leadsOn: false,
    fileCodec: onFile[name]!,
    viewCodec: onViews[name]!,
  };
  return Object.freeze(type) as unknown as Scalar<Value>;
}

/** An unsigned integer of 8 bits: `uint8_t` in C. What does not fit into an integer is refused, never wrapped. */
export const u8: Scalar<number> = scalar("u8", 1);

/** A signed integer of 8 bits: `int8_t`. */
export const i8: Scalar<number> = scalar("i8", 1);

/** An unsigned integer of 16 bits: `uint16_t`. */
export const u16: Scalar<number> = scalar("u16", 2);

/** A signed integer of 16 bits: `int16_t`. */
export const i16: Scalar<number> = scalar("i16", 2);

/** An unsigned integer of 32 bits: `uint32_t`. */
export const u32: Scalar<number> = scalar("u32", 4);

/** A signed integer of 32 bits: `int32_t`. */
export const i32: Scalar<number> = scalar("i32", 4);

/** An unsigned integer of 64 bits: `uint64_t`. Its values are bigints: `5n`. */
export const u64: Scalar<bigint> = scalar("u64", 8);

/** A signed integer of 64 bits: `int64_t`. Its values are bigints: `-5n`. */
export const i64: Scalar<bigint> = scalar("i64", 8);

/** A number of 32 bits: `float`. Rounded as Math.fround does, so what is too large becomes infinite. */
export const f32: Scalar<number> = scalar("f32", 4);

/** A number as JavaScript's own: `double`. */
export const f64: Scalar<number> = scalar("f64", 8);

/** True or false, one byte that is 1 or 0: `bool`. Reading any other byte throws a CorruptionError. */
export const bool: Scalar<boolean> = scalar("bool", 1);
