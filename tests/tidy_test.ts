// The tree stays tidy: files of one idea, that say what it is, in rooms that use only the ones below.
// machines: none, it opens no file of ours

import { assert, assertEquals } from "@std/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { root } from "./helpers/child.ts";

/** The files below a folder, by their paths from the top; without what is installed, built or downloaded. */
function files(folder: string, extension: string): string[] {
  if (!existsSync(`${root}${folder}`)) return [];
  return readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      return /^(node_modules|\..*|zig-out|embedded|cache)$/.test(entry.name) ? [] : files(path, extension);
    }
    return entry.name.endsWith(extension) ? [path] : [];
  });
}

const textOf = (path: string) => readFileSync(`${root}${path}`, "utf8");
const linesOf = (path: string) => textOf(path).split("\n").length - 1;

/** The code of a file, without comments; the text in quotes stays. */
const codeOf = (path: string) =>
  textOf(path).replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "");

/** What a file imports or re-exports. */
function importsOf(path: string): string[] {
  const found = codeOf(path).matchAll(
    /^(?:import|export)\b[^;"'`]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3]!);
}

const typescript = files("", ".ts");
const src = typescript.filter((path) => path.startsWith("src/"));
const ffi = typescript.filter((path) => path.startsWith("ffi/"));
const tests = typescript.filter((path) => path.startsWith("tests/"));

test("these tests see the tree", () => {
  for (
    const path of ["mod.ts", "src/file.ts", "ffi/symbols.ts", "tests/tidy_test.ts", "tests/helpers/child.ts"]
  ) {
    assert(typescript.includes(path), path);
  }
  assert(importsOf("src/open.ts").includes("../ffi/library.ts"));
  assert(files("zig", ".zig").includes("zig/root.zig"));
});

test("no file has more than 700 lines", () => {
  const long = [...typescript, ...files("zig", ".zig")].filter((path) => linesOf(path) > 700);
  assertEquals(long, []);
});

test("every file begins by saying what it is for", () => {
  const silent = typescript.filter((path) => !/^(?:#!.*\n)?\/(?:\*\*|\/ )/.test(textOf(path)));
  const zig = files("zig", ".zig").filter((path) =>
    !path.endsWith("build.zig") && !textOf(path).startsWith("//!")
  );
  assertEquals([...silent, ...zig], []);
});

test("every entry point and every file of the core documents itself as a module", () => {
  const { exports } = JSON.parse(textOf("deno.json")) as { exports: Record<string, string> };
  const core = src.filter((path) => !path.slice(4).includes("/"));
  const modules = [...Object.values(exports), ...core, ...ffi];
  assertEquals(
    modules.filter((path) => !/^(?:#!.*\n)?\/\*\*[\s\S]*?@module\n? ?\*\//.test(textOf(path))),
    [],
  );
});

test("only ffi knows the runtimes", () => {
  const knowing = /\b(?:Deno|Bun)\s*[.?[]|"bun:|"(?:Deno|Bun)" in /;
  assertEquals(["mod.ts", ...src].filter((path) => knowing.test(codeOf(path))), []);
});

test("mod.ts re-exports from src, and does nothing else", () => {
  assert(importsOf("mod.ts").every((path) => path.startsWith("./src/")));
  const rest = codeOf("mod.ts").replaceAll(/^export (?:type )?\{[^}]*\} from "[^"]+";$/gm, "").trim();
  assertEquals(rest, "");
});

test("src uses ffi through its two front doors, Node's modules and itself; nothing from npm", () => {
  for (const path of src) {
    for (const specifier of importsOf(path)) {
      const allowed = specifier.startsWith("node:") || /^\.{1,2}\//.test(specifier);
      assert(allowed, `${path} imports ${specifier}`);
      const resolved = new URL(specifier, `file:///${path}`).pathname.slice(1);
      if (specifier.startsWith("node:")) continue;
      const rooms = resolved.startsWith("src/") || resolved === "ffi/library.ts" ||
        resolved === "ffi/symbols.ts";
      const above = /^src\/(?:common|struct|log|transaction|testing|cli)\//.test(path) &&
        resolved === "mod.ts";
      assert(rooms || above, `${path} imports ${specifier}`);
    }
  }
});

test("what is built on DaxFile uses only what mod.ts offers, its own files and each other's", () => {
  const structures = /^src\/(?:common|struct|log|transaction|testing)\//;
  for (const path of src.filter((path) => structures.test(path))) {
    for (const specifier of importsOf(path).filter((specifier) => !specifier.startsWith("node:"))) {
      const resolved = new URL(specifier, `file:///${path}`).pathname.slice(1);
      assert(resolved === "mod.ts" || structures.test(resolved), `${path} imports ${specifier}`);
    }
  }
});

test("ffi uses only itself", () => {
  for (const path of ffi) {
    for (const specifier of importsOf(path)) {
      assert(specifier.startsWith("node:") || specifier.startsWith("./"), `${path} imports ${specifier}`);
    }
  }
});

test("the core does not know what is built on it", () => {
  for (const path of src.filter((path) => !path.slice(4).includes("/"))) {
    for (const specifier of importsOf(path)) {
      assert(
        !/^\.\/(?:common|struct|log|transaction|testing|cli)\//.test(specifier),
        `${path} imports ${specifier}`,
      );
    }
  }
});

test("nothing is left to do, nothing is left out, and nobody's own paths are in it", () => {
  const texts = [...typescript, ...files("zig", ".zig"), ...files("docs", ".md"), ...files("", ".json")];
  const marks = new RegExp(["TO" + "DO", "FIX" + "ME", "X" + "XX"].map((word) => `\\b${word}\\b`).join("|"));
  for (const path of new Set(texts.filter((path) => path !== "package-lock.json"))) {
    const text = textOf(path);
    assert(!marks.test(text), `${path}: something is left to do`);
    assert(!/(?<![\w.)}])\/(?:home|root|work|Users)\/[\w.]/.test(text), `${path}: a path of one machine`);
  }
  for (const path of tests) {
    assert(
      !/\.(?:only|skip|todo)\(|\b(?:only|skip|todo): true/.test(codeOf(path)),
      `${path}: a test is left out`,
    );
  }
});
