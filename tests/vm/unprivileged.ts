// What an ordinary user gets where root would get more.

import { assert } from "@std/assert";
import { spawnSync } from "node:child_process";
import process from "node:process";

/** What an expression on `api`, the library, gives in a process of a user without any capability; `told` makes an error plain data. */
export function unprivileged(code: string): unknown {
  const program = `
    import { closeSync, openSync } from "node:fs";
    import * as api from ${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)};
    const told = (body) => {
      try {
        return { result: body() };
      } catch ({ name, code, message, hint }) {
        return { name, code, message, hint };
      }
    };
    console.log(JSON.stringify(${code}));`;
  const runtime = "Bun" in globalThis ? ["-e"] : ["eval", "--no-check"];
  const { stdout, stderr } = spawnSync(
    "setpriv",
    ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, ...runtime, program],
    { encoding: "utf8", env: { ...process.env, DENO_DIR: "/tmp/deno-unprivileged", HOME: "/tmp" } },
  );
  assert(stdout.length > 0, stderr);
  return JSON.parse(stdout);
}
