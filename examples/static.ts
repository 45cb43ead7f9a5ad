/**
 * What becomes of a mapped file when another program truncates it: the same program, losing its pages, and keeping them.
 *
 *   deno run -A examples/static.ts FILE            an ordinary file: its pages are gone
 *   deno run -A examples/static.ts FILE --static   a static one: the other program is refused (as root, on DAX)
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { clearStatic, DaxError, open } from "../mod.ts";

const [path = "static-example.dax", flag] = process.argv.slice(2);
const wanted = flag === "--static";

let kept = false;
try {
  using file = open(path, { create: true, size: 1 << 20, static: wanted, guard: true });
  const values = file.view(BigUint64Array);
  values[0] = 42n;
  file.persist(0, 8);
  console.log(`Stored ${values[0]} in ${path}; static: ${file.isStatic}`);

  const { status, stderr } = spawnSync("truncate", ["--size=0", path], { encoding: "utf8" });
  console.log(`Another program truncates it: ${status === 0 ? "done" : stderr.trim()}`);

  kept = values[0] === 42n;
  console.log(`Read back: ${values[0]}`);
  file.persist(0, 8);
} catch (error) {
  if (!(error instanceof DaxError)) throw error;
  console.log(error.message);
}
if (wanted && kept) clearStatic(path);
spawnSync("rm", ["-f", path]);
process.exitCode = kept ? 0 : 1;
