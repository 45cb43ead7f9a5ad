/**
 * Transactions on persistent memory: several writes to a file, all or nothing, durable when the function that makes them returns, with one
 * fence in the usual case.
 *
 * @example Move money between two accounts
 * ```ts
 * import { openPool } from "@daxfile/daxfile/transaction";
 *
 * using pool = openPool("accounts.dax", { create: true, size: 65536, layout: "accounts" });
 * pool.transaction((tx) => {
 *   tx.setFloat64(0, tx.getFloat64(0) - 25);
 *   tx.setFloat64(8, tx.getFloat64(8) + 25);
 * });
 * console.log(pool.file.view(Float64Array, pool.dataOffset, 2)); // [-25, 25], after any crash too
 * ```
 *
 * @module
 */

export { openPool, type PoolOptions } from "./open_pool.ts";
export type { Pool } from "./pool.ts";
export type { Accessible, Transaction } from "./transaction.ts";
