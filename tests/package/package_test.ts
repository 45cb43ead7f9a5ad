// machines: none, it is about how the library is packed and loaded
/**
 * The package as its users get it: over http with nothing but --allow-ffi, from npm's archive in an empty Bun project, inside one
 * executable, in one bundle. Run once, by Deno; each case starts the runtime that it is about.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import process from "node:process";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const deno = `${root}node_modules/.bin/deno`, bun = `${root}node_modules/.bin/bun`;
const folder = mkdtempSync(`${tmpdir()}/daxfile-package-`);
after(() => rmSync(folder, { recursive: true, force: true }));

/** What a user writes: keeps a number in a file, and says which one it found. */
const program = (specifier: string) => `
import { open } from "${specifier}";
using file = open("kept.dax", { create: true, size: 4096 });
const number = file.view(Float64Array, 0, 1);
console.log("found", number[0]);
number[0] = 42;
file.persist(number);
`;

/** An empty folder for one case. */
function empty(name: string): string {
  const path = `${folder}/${name}`;
  mkdirSync(path);
  return path;
}

/** Runs a command twice: the second run must find what the first one kept. */
function runsTwice(cwd: string, command: string, ...parameters: string[]): void {
  for (const found of [0, 42]) {
    const output = execFileSync(command, parameters, { cwd, encoding: "utf8", env: environment(cwd) });
    assertStringIncludes(output, `found ${found}`);
  }
}

/** No caches and no checkout to fall back on. */
function environment(cwd: string): NodeJS.ProcessEnv {
  return { ...process.env, NO_COLOR: "1", DENO_DIR: `${cwd}/cache`, BUN_INSTALL_CACHE_DIR: `${cwd}/cache` };
}

test("Deno imports it over http and needs nothing but --allow-ffi", async () => {
  const cwd = empty("http");
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    asked.push(path);
    const text = path === "/program.ts"
      ? program("./mod.ts")
      : readFileSync(`${root}${path.slice(1)}`, "utf8");
    response.setHeader("content-type", "application/typescript").end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    for (const found of [0, 42]) {
      // The server runs on this process's event loop: wait for the child without blocking it
      const parameters = ["run", "--no-prompt", "--allow-ffi", `http://127.0.0.1:${port}/program.ts`];
      const child = spawn(deno, parameters, {
        cwd,
        env: environment(cwd),
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      child.stdout.on("data", (chunk) => output += chunk);
      child.stderr.on("data", (chunk) => output += chunk);
      const code = await new Promise((resolve) => child.on("close", resolve));
      assertEquals(code, 0, output);
      assertStringIncludes(output, `found ${found}`);
    }
  } finally {
    server.close();
  }
  assert(asked.includes("/mod.ts"), "nothing was fetched");
});

test("npm's archive, installed into an empty Bun project", () => {
  const cwd = empty("npm");
  const listing = execFileSync("npm", ["pack", "--json", "--pack-destination", cwd], {
    cwd: root,
    encoding: "utf8",
  });
  const [archive] = readdirSync(cwd);
  assert(archive?.endsWith(".tgz"), listing);
  writeFileSync(`${cwd}/package.json`, '{ "name": "user", "type": "module" }');
  execFileSync(bun, ["add", `./${archive}`], { cwd, env: environment(cwd), stdio: "pipe" });
  writeFileSync(`${cwd}/program.ts`, program("@daxfile/daxfile"));
  runsTwice(cwd, bun, "program.ts");

  const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string };
  const env = { ...environment(cwd), PATH: `${root}node_modules/.bin:${process.env["PATH"]}` };
  const output = execFileSync("node_modules/.bin/daxfile", ["--version"], { cwd, encoding: "utf8", env });
  assertStringIncludes(output, version);

  const names = execFileSync("tar", ["-tzf", `${archive}`], { cwd, encoding: "utf8" });
  for (const unwanted of ["package/tests/", "package/zig/", "package/node_modules/", "package/.ci"]) {
    assert(!names.includes(unwanted), `${unwanted} is in the package`);
  }
});

test("bun build --compile makes one executable", () => {
  const cwd = empty("compile");
  writeFileSync(`${cwd}/program.ts`, program(`${root}mod.ts`));
  const bin = `${cwd}/program`;
  execFileSync(bun, ["build", "--compile", "--outfile", bin, "program.ts"], {
    cwd,
    env: environment(cwd),
    stdio: "pipe",
  });
  const elsewhere = empty("compiled");
  runsTwice(elsewhere, bin);
});

test("deno bundle makes one module", () => {
  const cwd = empty("bundle");
  writeFileSync(`${cwd}/program.ts`, program(`${root}mod.ts`));
  const bundled = spawnSync(deno, ["bundle", "-o", "bundle.js", "program.ts"], {
    cwd,
    encoding: "utf8",
    env: environment(cwd),
  });
  assertEquals(bundled.status, 0, bundled.stderr);
  runsTwice(cwd, deno, "run", "--no-prompt", "--allow-ffi", "bundle.js");
});
