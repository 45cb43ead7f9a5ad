// Compiles a folder of C sources for the guests: statically, so that neither a compiler nor a C library is wanted there.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { cached, cacheFolder } from "./cache.ts";

/**
 * The path of the program that these sources make.
 *
 * @param checkout where zig, the compiler, is a development dependency
 * @param sources a folder, relative to the checkout
 * @throws {Error} with what the compiler said
 */
export function program(checkout: string, sources: string): string {
  const folder = join(checkout, sources);
  const files = readdirSync(folder).filter((name) => /\.[ch]$/.test(name)).sort();
  const name = basename(sources);
  const made = cached(`program-${name}`, files.map((file) => readFileSync(join(folder, file))), (made) => {
    const units = files.filter((file) => file.endsWith(".c")).map((file) => join(folder, file));
    const result = spawnSync(
      join(checkout, "node_modules", ".bin", "zig"),
      ["cc", "-target", "x86_64-linux-musl", "-O1", "-Wall", "-Werror", "-o", join(made, name), ...units],
      {
        encoding: "utf8",
        env: { ...process.env, ZIG_GLOBAL_CACHE_DIR: join(cacheFolder(), "zig"), ZIG_LOCAL_CACHE_DIR: made },
      },
    );
    if (result.error) throw new Error(`zig could not be started: ${result.error.message}`);
    if (result.status !== 0) throw new Error(`zig cc did not compile ${sources}:\n${result.stderr}`);
  });
  return join(made, name);
}
