/**
 * The stores that a program would otherwise take: lmdb, SQLite with a write-ahead log and synchronous=FULL, and a plain file. Each
 * put is durable on return, to the degree that the file system gives.
 *
 * @module
 */

import { fdatasyncSync, openSync, writeSync } from "node:fs";
import process from "node:process";
import type { Side } from "../measure.ts";

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

/** Writes the same bytes to one place after another of a file that has them all, and waits with fdatasync for each. */
export function writingThrough(path: string, bytes: Uint8Array, wrap: number): Side {
  const file = openSync(path, "w");
  writeSync(file, new Uint8Array(wrap)); // so that no write has a length or blocks to make durable too
  fdatasyncSync(file);
  let at = 0;
  return (count) => {
    for (let n = 0; n < count; n++) {
      writeSync(file, bytes, 0, bytes.length, at);
      fdatasyncSync(file);
      at += bytes.length;
      if (at >= wrap) at = 0;
    }
  };
}

interface Database {
  exec(sql: string): void;
  prepare(sql: string): { run(...values: unknown[]): unknown };
}
