/**
 * The stores that a program would otherwise take: lmdb, and SQLite with a write-ahead log and synchronous=FULL. Each put is durable
 * on return, to the degree that the file system gives.
 *
 * @module
 */

import process from "node:process";

/** Puts one value under a key. */
export type Put = (key: number, value: Uint8Array) => void;

/** lmdb's putSync. */
export async function lmdbPut(folder: string): Promise<Put> {
  const { open } = await import("lmdb");
  const store = open({ path: `${folder}/lmdb`, encoding: "binary", keyEncoding: "uint32", mapSize: 2 ** 30 });
  return (key, value) => void store.putSync(key, value);
}

/** The runtime's own SQLite: bun:sqlite, or node:sqlite in Deno. */
export function sqlitePut(folder: string): Put {
  const name = "Bun" in globalThis ? "bun:sqlite" : "node:sqlite";
  // Neither is there in the other runtime, so neither can be imported by name
  const module = process.getBuiltinModule(name) as unknown as Record<string, new (path: string) => Database>;
  const Database = module["Database"] ?? module["DatabaseSync"]!;
  const database = new Database(`${folder}/sqlite.db`);
  database.exec(
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)",
  );
  const statement = database.prepare("INSERT OR REPLACE INTO t VALUES (?, ?)");
  return (key, value) => void statement.run(key, value);
}

interface Database {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: unknown[]): unknown };
}
