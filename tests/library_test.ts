// Loading native code: what DAXFILE_LIBRARY names, else the embedded bytes; and in words what to do where neither can be had.
// machines: none, it opens no file of ours

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { copyFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { aarch64 } from "../ffi/embedded/aarch64.ts";
import { x86_64 } from "../ffi/embedded/x86_64.ts";
import { library } from "../ffi/library.ts";
import { abiVersion } from "../ffi/symbols.ts";
import { askChild, type ChildOptions, root, runChild } from "./helpers/child.ts";
import { exportsOf } from "./helpers/elf.ts";
import { anywhere } from "./helpers/places.ts";

const runtimes = ["deno", "bun"] as const;

/** This machine's library, as it is embedded. */
function embedded(): Uint8Array<ArrayBuffer> {
  const base64 = library().runtime.platform === "linux-aarch64" ? aarch64 : x86_64;
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The same, but that its version is another: daxfile_abi begins with machine code that returns it. */
function ofVersion(version: number): Uint8Array {
  const bytes = embedded();
  const arm = library().runtime.platform === "linux-aarch64";
  const code = arm
    ? [(version << 5) & 0xff, version >> 3, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6] // mov w0, #version; ret
    : [0xb8, version, 0, 0, 0, 0xc3]; // mov eax, version; ret
  bytes.set(code, exportsOf(bytes).get("daxfile_abi")!);
  return bytes;
}

interface Refusal {
  name: string;
  code: string;
  operation: string;
  message: string;
  hint: string;
}

/** Opens a file in a child and gives the error, by parts. */
function refusal(options: ChildOptions, before = ""): Refusal {
  return askChild<Refusal>(
    `
    ${before}
    const { open, DaxError } = await import("@daxfile/daxfile");
    try {
      open("/no/such/file");
    } catch (error) {
      const { name, code, operation, message, hint } = error;
      console.log(JSON.stringify({ name: error instanceof DaxError ? name : "no DaxError", code, operation, message, hint }));
    }
  `,
    options,
  );
}

/** Opens a file in a child and says where the library came from. */
const origin = `
  import { open } from "@daxfile/daxfile";
  import { readFileSync } from "node:fs";
  try { open("/no/such/file") } catch (error) { if (error.code !== "ENOENT") throw error }
  const maps = readFileSync("/proc/self/maps", "utf8");
  console.log(JSON.stringify(maps.split("\\n").filter((line) => line.includes("daxfile")).map((line) => line.slice(73))));
`;

for (const runtime of runtimes) {
  test(`${runtime}: the embedded library is loaded from memory, DAXFILE_LIBRARY from where it says`, () => {
    using place = anywhere();
    for (const path of askChild<string[]>(origin, { runtime })) {
      assert(path.startsWith("/memfd:daxfile"), path);
    }
    const path = place.path("daxfile-of-my-own.so");
    writeFileSync(path, embedded());
    const paths = askChild<string[]>(origin, { runtime, env: { DAXFILE_LIBRARY: path } });
    assert(paths.includes(path) && !paths.some((path) => path.includes("memfd")), String(paths));
    assert(askChild<string[]>(origin, { runtime, env: { DAXFILE_LIBRARY: "" } })[0]?.includes("memfd"));
  });

  test(`${runtime}: a library of another ABI version is ENOEXEC, and both versions are named`, () => {
    using place = anywhere();
    const path = place.path("other.so");
    writeFileSync(path, ofVersion(abiVersion + 1));
    const error = refusal({ runtime, env: { DAXFILE_LIBRARY: path } });
    assertEquals([error.name, error.code, error.operation], ["DaxError", "ENOEXEC", "open"]);
    assert(error.message.includes(path), error.message);
    assert(
      error.message.includes(`version ${abiVersion + 1}`) && error.message.includes(`needs ${abiVersion}`),
    );
    assert(error.hint.includes("DAXFILE_LIBRARY"));
    writeFileSync(path, ofVersion(abiVersion));
    assertEquals(refusal({ runtime, env: { DAXFILE_LIBRARY: path } }).code, "ENOENT");
  });

  test(`${runtime}: what is no library, is none of ours or is not there, is ENOEXEC with the path`, () => {
    using place = anywhere();
    writeFileSync(place.path("text.so"), "This is no library");
    copyFileSync("/bin/true", place.path("program.so"));
    const paths = ["text.so", "program.so", "missing.so", ""].map((name) => place.path(name));
    for (const path of [...paths, "libc.so.6", "/dev/null"]) {
      const error = refusal({ runtime, env: { DAXFILE_LIBRARY: path } });
      assertEquals([error.name, error.code], ["DaxError", "ENOEXEC"], path);
      assert(error.message.includes(`"${path}"`), error.message);
      assert(error.hint.includes("DAXFILE_LIBRARY"));
    }
  });
}

test("Deno without --allow-ffi: EPERM, and the flag is named", () => {
  using place = anywhere();
  for (
    const permissions of [[], ["--allow-read", "--allow-env"], ["--deny-ffi"], [
      `--allow-ffi=${place.directory}`,
    ]]
  ) {
    const error = refusal({ runtime: "deno", permissions });
    assertEquals([error.name, error.code], ["DaxError", "EPERM"]);
    assert(error.hint.includes("--allow-ffi") && error.message.includes("--allow-ffi"));
  }
});

test("Deno with --allow-ffi and nothing else: a file is made, mapped, written, synced and read", () => {
  using place = anywhere();
  const answer = askChild<unknown[]>(
    `
    import { daxctl, isStatic, open } from "@daxfile/daxfile";
    const file = open(${JSON.stringify(place.path())}, { create: true, size: 8192, guard: true });
    file.view(Float64Array)[0] = 1.5;
    file.persist(0, 8);
    file.write(8, new Uint8Array(100_00).subarray(0, 8000).fill(1));
    file.store64(8184, 7n);
    await file.sync();
    file.close();
    using again = open(${JSON.stringify(place.path())}, { readOnly: true });
    console.log(JSON.stringify([again.view(Float64Array)[0], Number(again.view(BigInt64Array, 8184)[0]), again.granularity]));
  `,
    { runtime: "deno", permissions: ["--allow-ffi"] },
  );
  assertEquals(answer.slice(0, 2), [1.5, 7]);
});

test("Deno with --allow-ffi and nothing else: the environment is read all the same", () => {
  using place = anywhere();
  const answer = askChild<string>(
    `
    import { open } from "@daxfile/daxfile";
    console.log(JSON.stringify(open(${
      JSON.stringify(place.path())
    }, { create: true, size: 4096 }).granularity));
  `,
    { runtime: "deno", permissions: ["--allow-ffi"], env: { DAXFILE_FORCE_GRANULARITY: "CACHE_LINE" } },
  );
  assertEquals(answer, "cache-line");
});

const otherPlatforms: readonly [name: string, runtime: "deno" | "bun", before: string, words: string][] = [
  [
    "an architecture",
    "bun",
    `Object.defineProperty(process, "arch", { value: "riscv64" });`,
    "linux-riscv64",
  ],
  [
    "an operating system",
    "bun",
    `Object.defineProperty(process, "platform", { value: "darwin" });`,
    "darwin-x86_64",
  ],
  [
    "an architecture",
    "deno",
    `Object.defineProperty(globalThis, "Deno", { value: { ...Deno, build: { os: "linux", arch: "riscv64" } } });`,
    "linux-riscv64",
  ],
  [
    "an operating system",
    "deno",
    `Object.defineProperty(globalThis, "Deno", { value: { ...Deno, build: { os: "windows", arch: "x86_64" } } });`,
    "windows-x86_64",
  ],
  ["a runtime that is neither", "deno", `delete globalThis.Deno;`, "Deno or Bun"],
];

for (const [name, runtime, before, words] of otherPlatforms) {
  test(`${runtime}: ${name} without a library is ENOSYS at open, not at import`, () => {
    const error = refusal({ runtime }, before);
    assertEquals([error.name, error.code, error.operation], ["DaxError", "ENOSYS", "open"]);
    assert(error.message.includes(words) && error.hint.length > 0, error.message);
  });
}

test("Bun: a program in CommonJS can require it", () => {
  using place = anywhere();
  const script = place.path("program.cjs");
  writeFileSync(
    script,
    `
    const { open } = require(${JSON.stringify(`${root}mod.ts`)});
    const file = open(${JSON.stringify(place.path())}, { create: true, size: 4096 });
    console.log(JSON.stringify(file.size));
    file.close();
  `,
  );
  assertEquals(askChild<number>(`await import(${JSON.stringify(script)})`, { runtime: "bun" }), 4096);
  assertEquals(runChild(`process.exitCode = 7`, { runtime: "bun" }).status, 7);
});

test("the library is loaded once", () => {
  assertStrictEquals(library(), library());
  assertStrictEquals(library().native, library().native);
});

test("a worker loads its own, and both write the same file", () => {
  for (const runtime of runtimes) {
    using place = anywhere();
    const path = place.path();
    const values = askChild<number[]>(
      `
      import { open } from "@daxfile/daxfile";
      import { Worker, isMainThread, parentPort } from "node:worker_threads";
      const file = open(${JSON.stringify(path)}, { create: true, size: 8192, lock: "none", guard: true });
      if (isMainThread) {
        const worker = new Worker(new URL(import.meta.url));
        await new Promise((resolve) => worker.once("message", resolve));
        file.store64(0, 1);
        console.log(JSON.stringify([...file.view(BigUint64Array, 0, 2)].map(Number)));
        await worker.terminate();
        file.close();
      } else {
        file.store64(8, 2);
        file.close();
        parentPort.postMessage("done");
      }
    `,
      { runtime },
    );
    assertEquals(values, [1, 2]);
  }
});

test("a program that only imports loads nothing", () => {
  for (const runtime of runtimes) {
    const maps = askChild<string[]>(
      `
      import * as daxfile from "@daxfile/daxfile";
      import { readFileSync } from "node:fs";
      if (typeof daxfile.open !== "function") throw new Error("no open");
      console.log(JSON.stringify(readFileSync("/proc/self/maps", "utf8").split("\\n").filter((line) => line.includes("memfd:daxfile"))));
    `,
      { runtime },
    );
    assertEquals(maps, []);
  }
});
