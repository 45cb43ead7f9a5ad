/**
 * Settings that two versions of a program share: the older one reads and writes what the newer one has written, and leaves alone what
 * it does not know; the newer one finds defaults where the older one has written nothing.
 *
 * ```sh
 * deno run --allow-ffi examples/settings.ts settings.dax --version 1 theme=dark volume=0.5
 * bun examples/settings.ts settings.dax --version 2 zoom=1.25
 * ```
 *
 * How: a version adds fields behind those of the version before and changes none. The first field says how many bytes have been written: what
 * lies behind is not there yet. And all that one call changes is one transaction, so nobody ever finds half of it.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { f64, struct, u32, utf8 } from "../src/struct/mod.ts";
import { openPool } from "../src/transaction/mod.ts";

/** What version 1 knows. */
const first = { writtenBytes: u32, volume: f64, theme: utf8(16) };
/** Version 2 knows more, behind that. */
const second = { ...first, zoom: f64, language: utf8(12) };

/** The settings of a version, and what they are where nobody has chosen. */
const versions = {
  1: { type: struct(first), defaults: { volume: 0.8, theme: "light" } },
  2: { type: struct(second), defaults: { volume: 0.8, theme: "light", zoom: 1, language: "en" } },
};

/** The name and the value of each setting that a version knows. */
export type Settings = Record<string, number | string>;

/**
 * Changes some settings, together, and reads all that the version knows.
 *
 * @param path the file; made if there is none
 * @param version which program this is
 * @param changes the settings to change
 * @throws {TypeError} if one is unknown to the version, or of another type
 */
export function settings(path: string, version: 1 | 2, changes: Settings = {}): Settings {
  const { type, defaults } = versions[version];
  // The layout's name is that of what both share; it would change with a version that the older one could not read
  using pool = openPool(path, { create: true, size: 65536, layout: "example settings" });
  return pool.transaction((tx) => {
    const record = tx.at(type, 0) as unknown as Settings;
    const names = Object.keys(defaults);
    for (const [name, value] of Object.entries(changes)) {
      if (!names.includes(name)) {
        throw new TypeError(`Version ${version} knows no setting ${name}: ${names.join(", ")}`);
      }
      const { [name]: model } = defaults as Settings;
      if (typeof value !== typeof model) throw new TypeError(`${name} is a ${typeof model}`);
    }
    const written = record["writtenBytes"] as number;
    if (written < type.byteLength && Object.keys(changes).length > 0) {
      for (const [name, value] of Object.entries(defaults)) {
        if (type.offsetOf(name as "volume") >= written) record[name] = value;
      }
      record["writtenBytes"] = type.byteLength;
    }
    Object.assign(record, changes);
    const isThere = (name: string) => type.offsetOf(name as "volume") < (record["writtenBytes"] as number);
    return Object.fromEntries(
      names.map((name) => [name, isThere(name) ? record[name]! : (defaults as Settings)[name]!]),
    );
  });
}

if (import.meta.main) {
  const { values, positionals: [path, ...words] } = parseArgs({
    allowPositionals: true,
    options: { version: { type: "string", default: "2" } },
  });
  if (path === undefined || (values.version !== "1" && values.version !== "2")) {
    console.error("Usage: settings FILE [--version 1|2] [NAME=VALUE …]");
    process.exit(2);
  }
  const changes: Settings = {};
  for (const word of words) {
    const [name = "", text = ""] = word.split("=", 2);
    changes[name] = text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  }
  try {
    console.log(JSON.stringify(settings(path, values.version === "1" ? 1 : 2, changes)));
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
