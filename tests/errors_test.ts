// What the system refuses is a DaxError with code, path and a hint: never a crash, a wait or a changed file.
// machines: files

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { dirname } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { CorruptionError, DaxError, MappingFaultError, open, type OpenOptions } from "../mod.ts";
import { codeOf, errnos, meaningOf } from "../src/errno.ts";
import { makeFile } from "./helpers/bytes.ts";
import { askChild } from "./helpers/child.ts";
import { anywhere, descriptors, medium, run } from "./helpers/places.ts";

/** Opens what cannot be opened, in every way, and checks all that the error says. */
function refused(path: string, code: string, options: OpenOptions = {}): DaxError {
  const before = descriptors(dirname(path));
  const error = assertThrows(() => open(path, options), DaxError, path);
  assertEquals([error.code, error.path, error.name], [code, path, "DaxError"]);
  assertEquals(error.errno, errnos[code as keyof typeof errnos][0]);
  assert(error.hint !== undefined && error.message.endsWith(error.hint), `no hint: ${error.message}`);
  assert(error.message.includes(`(${code})`));
  assertEquals(descriptors(dirname(path)), before);
  return error;
}

test("no such file", () => {
  using place = medium();
  const error = refused(place.path(), "ENOENT");
  assert(error.hint?.includes("create: true"));
  refused(place.path(), "ENOENT", { readOnly: true });
  const create = refused(place.path("no/such.dax"), "ENOENT", { create: true, size: 4096 });
  assert(create.hint?.includes(place.path("no")));
});

test("a directory", () => {
  using place = medium();
  refused(place.directory, "EISDIR");
  refused(place.directory, "EISDIR", { readOnly: true });
  refused(`${place.directory}/`, "EISDIR", { create: true, size: 4096 });
  refused(`${place.directory}/new/`, "EISDIR", { create: true, size: 4096 });
});

test("a file where a directory should be", () => {
  using place = medium();
  makeFile(place.path(), 4096);
  refused(`${place.path()}/below`, "ENOTDIR");
  refused(`${place.path()}/below`, "ENOTDIR", { create: true, size: 4096 });
});

test("a pipe: refused without waiting for its other end", () => {
  using place = anywhere();
  run("mkfifo", place.path());
  refused(place.path(), "ENODEV");
  refused(place.path(), "ENODEV", { readOnly: true });
  refused(place.path(), "ENODEV", { create: true, size: 4096 });
});

test("/dev/null and other devices", () => {
  for (const path of ["/dev/null", "/dev/zero", "/dev/full"]) {
    refused(path, "ENODEV");
    refused(path, "ENODEV", { readOnly: true });
    refused(path, "ENODEV", { create: true, size: 4096 });
  }
});

test("a socket", async () => {
  using place = anywhere();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(place.path(), resolve));
  try {
    refused(place.path(), "ENXIO");
    refused(place.path(), "ENXIO", { readOnly: true });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test("an empty file", () => {
  using place = medium();
  writeFileSync(place.path(), "");
  refused(place.path(), "EINVAL");
  const error = refused(place.path(), "EINVAL", { create: true, size: 4096 });
  assert(error.message.includes("empty"));
  assertEquals(statSync(place.path()).size, 0);
});

test("a size that is not the file's: both numbers are named", () => {
  using place = medium();
  makeFile(place.path(), 8192);
  for (const size of [4096, 8191, 8193, Number.MAX_SAFE_INTEGER]) {
    const error = refused(place.path(), "EINVAL", { size });
    assert(error.message.includes("8192") && error.message.includes(String(size)));
    refused(place.path(), "EINVAL", { create: true, size });
  }
  assertEquals(statSync(place.path()).size, 8192);
  open(place.path(), { size: 8192 }).close();
});

/** Runs a body as the user `nobody`, who may do nothing special; the tests run as root. */
function asNobody(body: () => void): void {
  assertEquals(process.geteuid!(), 0, "this test needs root, to make itself another user");
  process.seteuid!(65534);
  try {
    body();
  } finally {
    process.seteuid!(0);
  }
}

test("no permission to write, to read, or to make a file", () => {
  using place = medium();
  chmodSync(place.directory, 0o755);
  const path = makeFile(place.path(), 4096);
  chmodSync(path, 0o444);
  mkdirSync(place.path("closed"), { mode: 0o700 });
  mkdirSync(place.path("free"));
  chmodSync(place.path("free"), 0o777);
  asNobody(() => {
    assert(refused(path, "EACCES").hint?.includes("readOnly"));
    open(path, { readOnly: true }).close();
    const create = { create: true, size: 4096 };
    assert(refused(place.path("new"), "EACCES", create).hint?.includes(place.directory));
    refused(place.path("closed/new"), "EACCES", create);
    open(place.path("free/new"), create).close();
  });
  chmodSync(path, 0o000);
  asNobody(() => refused(path, "EACCES", { readOnly: true }));
});

test("a read-only file system", () => {
  using place = anywhere();
  makeFile(place.path(), 4096);
  run("mount", "--bind", place.directory, place.directory);
  try {
    run("mount", "-o", "remount,bind,ro", place.directory);
    assert(refused(place.path(), "EROFS").hint?.includes("readOnly"));
    open(place.path(), { readOnly: true }).close();
    refused(place.path("new"), "EROFS", { create: true, size: 4096 });
  } finally {
    run("umount", place.directory);
  }
});

test("a program that runs", async () => {
  using place = anywhere();
  copyFileSync("/bin/sleep", place.path());
  chmodSync(place.path(), 0o755);
  const sleeping = spawn(place.path(), ["1000"]);
  await new Promise((resolve) => sleeping.once("spawn", resolve));
  try {
    refused(place.path(), "ETXTBSY");
    open(place.path(), { readOnly: true }).close();
  } finally {
    sleeping.kill("SIGKILL");
    await new Promise((resolve) => sleeping.once("close", resolve));
  }
});

test("symbolic links in a circle", () => {
  using place = medium();
  symlinkSync(place.path("b"), place.path("a"));
  symlinkSync(place.path("a"), place.path("b"));
  refused(place.path("a"), "ELOOP");
  refused(place.path("a"), "ELOOP", { create: true, size: 4096 });
});

test("a name that is too long", () => {
  using place = medium();
  refused(place.path("x".repeat(256)), "ENAMETOOLONG");
  refused(place.path("x".repeat(256)), "ENAMETOOLONG", { create: true, size: 4096 });
  refused(place.path("ü".repeat(128)), "ENAMETOOLONG");
  open(place.path("x".repeat(255)), { create: true, size: 4096 }).close();
});

test("a path that cannot be one is a TypeError before any system call", () => {
  const cases: [unknown, string][] = [
    ["", "empty"],
    ["a\0b", "NUL"],
    ["\ud800", "well-formed"],
    ["x".repeat(4096), "4096 bytes"],
    ["ü".repeat(2048), "4096 bytes"],
    [new URL("https://example.com/file.dax"), ""],
    [new URL("file:///a%00b"), ""],
    [undefined, "undefined"],
    [null, "null"],
    [5, "number 5"],
    [5n, "5n"],
    [{ path: "a" }, "an object"],
    [new Uint8Array(3), "Uint8Array"],
    [Symbol("s"), "symbol"],
    [() => {}, "function"],
  ];
  for (const [path, message] of cases) {
    assertThrows(() => open(path as string, { create: true, size: 4096 }), TypeError, message);
  }
  assertThrows(() => open("x/".repeat(2047) + "x"), DaxError, "ENOENT");
});

test("too many open files", () => {
  using place = anywhere();
  const path = makeFile(place.path(), 4096);
  const [code, opened, hint] = askChild<[string, number, string]>(
    `
    import { open } from "@daxfile/daxfile";
    const files = [];
    try {
      while (files.length < 1000) files.push(open(${JSON.stringify(path)}, { lock: "none" }));
    } catch (error) {
      console.log(JSON.stringify([error.code, files.length, error.hint]));
      files.forEach((file) => { file.persist(); file.close(); });
      const again = open(${JSON.stringify(path)});
      again.close();
    }
  `,
    { prefix: ["prlimit", "--nofile=128:128"] },
  );
  assertEquals(code, "EMFILE");
  assert(opened > 50 && opened < 128);
  assert(hint.includes("ulimit -n"));
});

test("RLIMIT_FSIZE: EFBIG with both numbers, and the process is not killed by SIGXFSZ", () => {
  using place = anywhere();
  for (const sparse of [false, true]) {
    const [code, message] = askChild<[string, string]>(
      `
      import { open } from "@daxfile/daxfile";
      open(${
        JSON.stringify(place.path(`small${sparse}`))
      }, { create: true, size: 16777216, sparse: ${sparse} }).close();
      try {
        open(${JSON.stringify(place.path("large"))}, { create: true, size: 16777217, sparse: ${sparse} });
      } catch (error) {
        console.log(JSON.stringify([error.code, error.message]));
      }
    `,
      { prefix: ["prlimit", "--fsize=16777216"] },
    );
    assertEquals(code, "EFBIG");
    assert(message.includes("16777217") && message.includes("16777216"), message);
  }
});

test("a size that no file can have", () => {
  using place = medium();
  const error = assertThrows(
    () => open(place.path(), { create: true, size: Number.MAX_SAFE_INTEGER, sparse: true }),
    DaxError,
  );
  assert(error.code === "EFBIG" || error.code === "ENOMEM" || error.code === "EINVAL", error.message);
  assertEquals(readdirSync(place.directory), []);
});

test("an error's parts are in its message, and its classes are told apart", () => {
  const cause = new Error("below");
  const error = new DaxError({ operation: "map", error: "ENOSPC", path: "a.dax", hint: "Free some", cause });
  assertEquals(error.message, 'Cannot map "a.dax": no space left on the device (ENOSPC). Free some');
  assertEquals([error.name, error.code, error.errno, error.operation], ["DaxError", "ENOSPC", 28, "map"]);
  assertEquals([error.path, error.hint, error.cause], ["a.dax", "Free some", cause]);
  const plain = new DaxError({ operation: "sync", error: 5, reason: "it broke" });
  assertEquals(plain.message, "Cannot sync: it broke (EIO)");
  assertEquals(["path" in plain, "hint" in plain, "cause" in plain], [false, false, false]);
  const unknown = new DaxError({ operation: "open", error: 200 });
  assertEquals([unknown.code, unknown.errno, unknown.message], [
    "E200",
    200,
    "Cannot open: error 200 (E200)",
  ]);
  assertEquals(new DaxError({ operation: "open", error: "E200" }).errno, 200);
  for (const type of [CorruptionError, MappingFaultError]) {
    const other = new type({ operation: "open", error: "EIO" });
    assert(other instanceof DaxError && other instanceof Error);
    assertEquals(other.name, type.name);
  }
});

test("every error number has one name and back", () => {
  const numbers = Object.values(errnos).map(([number]) => number);
  assertEquals(new Set<number>(numbers).size, numbers.length);
  for (const [name, [number, words]] of Object.entries(errnos)) {
    assertEquals([codeOf(number) as string, meaningOf(number) as string], [name, words]);
  }
  assertEquals(codeOf(9999), "E9999");
});
