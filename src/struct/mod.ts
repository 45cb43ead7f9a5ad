/**
 * Records at the offsets that C gives them, over the bytes of a persistent file: fields that are read and written in place, and made
 * durable by name.
 *
 * @example
 * ```ts
 * import { open } from "@daxfile/daxfile";
 * import { array, f64, struct, u32, u64, utf8 } from "@daxfile/daxfile/struct";
 *
 * const Account = struct({ id: u64, balance: f64, flags: u32, name: utf8(24), history: array(f64, 4) });
 *
 * using file = open("accounts.dax", { create: true, size: 1 << 20 });
 * const account = Account.at(file, 4096);
 * account.name = "Ada";
 * account.balance += 10;
 * account.persist("name", "balance"); // only the cache lines of these two, one fence
 *
 * const table = Account.array(file, 8192, 1000);
 * table.at(3).history.set(0, 12.5);
 * table.at(3).persist();
 * ```
 *
 * @module
 */

export { array, type ArrayOf } from "./array.ts";
export { bytes, utf8 } from "./bytes.ts";
export { bool, f32, f64, i16, i32, i64, i8, u16, u32, u64, u8 } from "./scalars.ts";
export { type Struct, struct } from "./struct.ts";
export type {
  Accessor,
  ArrayAccessor,
  DataViewLike,
  Fields,
  FileAccessor,
  FileArrayAccessor,
  FileRecordMembers,
  FileValueOf,
  InputOf,
  PlainOf,
  RecordMembers,
  Scalar,
  ScalarNames,
  Type,
  ValueOf,
} from "./types.ts";
export type { Region } from "../../mod.ts";
