// Every example in the documentation runs: those of the API's comments, of README.md and of docs/.
// machines: none, it runs examples, which hold wherever a file lies

import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { executable, here, resolved, root, runChild } from "./helpers/child.ts";
import { anywhere, type Place } from "./helpers/places.ts";

interface Example {
  /** The file and line where it stands. */
  readonly name: string;
  readonly code: string;
}

/** The blocks fenced as ```ts, no word more, in a file; in a .ts file, those of its documentation comments. */
function examplesIn(path: string): Example[] {
  const examples: Example[] = [];
  let code: string[] | undefined;
  for (const [index, whole] of readFileSync(`${root}${path}`, "utf8").split("\n").entries()) {
    const line = path.endsWith(".ts") ? /^\s*\* ?(.*)$/.exec(whole)?.[1] : whole;
    if (line === undefined) code = undefined;
    else if (code === undefined && line.trimEnd() === "```ts") code = [];
    else if (code !== undefined && line.startsWith("```")) {
      examples.push({ name: `${path}:${index - code.length}`, code: code.join("\n") });
      code = undefined;
    } else code?.push(line);
  }
  return examples;
}

function below(folder: string, extension: string): string[] {
  if (!existsSync(`${root}${folder}`)) return [];
  return readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? below(path, extension) : entry.name.endsWith(extension) ? [path] : [];
  });
}

/** The documented modules: the core, and those folders of src that the package exports. */
const { exports } = JSON.parse(readFileSync(`${root}deno.json`, "utf8")) as {
  exports: Record<string, string>;
};
const published = below("src", ".ts").filter((path) => {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  return folder === "src/" || Object.values(exports).some((entry) => entry.startsWith(`./${folder}`));
});
const pages = [...["README.md"].filter((path) => existsSync(root + path)), ...below("docs", ".md")];
const sources = ["mod.ts", ...published, ...pages];
const examples = sources.flatMap(examplesIn);

/** Which runtime an example is for: most are for both. */
const isFor = (runtime: "deno" | "bun") => ({ code }: Example) =>
  runtime === "deno" ? !/\bBun\b|"bun:/.test(code) : !/\bDeno\b/.test(code);

/** With which Deno finds what is imported by its bare name. */
const config = `--config=${root}deno.json`;

/** Those that are tests themselves, for `deno test`. */
const isTest = ({ code }: Example) => code.includes("Deno.test(");

/** Puts examples into a directory each, as they all use the same names; they stay out of /dev/shm too. */
function lay(place: Place, chosen: readonly Example[]): { name: string; directory: string; path: string }[] {
  // So that an example may use what the package is developed with, such as fast-check
  if (existsSync(`${root}node_modules`)) symlinkSync(`${root}node_modules`, place.path("node_modules"));
  return chosen.map(({ name, code }, index) => {
    const directory = place.path(String(index));
    const path = `${directory}/example.ts`;
    mkdirSync(directory);
    writeFileSync(path, `${resolved(code).replaceAll("/dev/shm/", `${directory}/`)}\nexport {};\n`);
    return { name, directory, path };
  });
}

test("every method and function that is documented has an example", () => {
  const named = new Set(examples.map(({ name }) => name.split(":")[0]));
  for (const path of ["mod.ts", "src/file.ts", "src/open.ts", "src/static.ts", "src/errors.ts"]) {
    assert(named.has(path), path);
  }
  const text = examples.map(({ code }) => code).join("\n");
  const methods = [
    "view",
    "persist",
    "flush",
    "drain",
    "deepFlush",
    "write",
    "fill",
    "store64",
    "sync",
    "close",
  ];
  for (const method of methods) assert(text.includes(`.${method}(`), `no example of ${method}`);
  const exported = readFileSync(`${root}mod.ts`, "utf8").matchAll(/\b([a-z]\w+)\b(?=,?\s*(?:\}|\n {2}\w))/g);
  for (const [, name] of exported) {
    if (["open", "daxctl", "setStatic", "clearStatic", "isStatic", "probe"].includes(name!)) {
      assert(text.includes(`${name}(`), `no example of ${name}`);
    }
  }
});

test(`the examples for ${here} run`, { timeout: 60_000 }, () => {
  using place = anywhere();
  const laid = lay(place, examples.filter(isFor(here)).filter((example) => !isTest(example)));
  assert(laid.length > 20, `${laid.length} examples`);
  const failed = place.path("failed.json");
  const { status, stderr } = runChild(
    `
    import { writeFileSync } from "node:fs";
    const failed = {};
    for (const { name, directory, path } of ${JSON.stringify(laid)}) {
      process.chdir(directory);
      try {
        await import("file://" + path);
      } catch (error) {
        failed[name] = String(error);
      }
    }
    writeFileSync(${JSON.stringify(failed)}, JSON.stringify(failed));
    process.exit(0);
  `,
    { flags: here === "deno" ? [config] : [] },
  );
  assertEquals(status, 0, stderr);
  assertEquals(JSON.parse(readFileSync(failed, "utf8")), {});
});

test("the examples that are tests pass", () => {
  using place = anywhere();
  for (const { name, path } of lay(place, examples.filter(isTest))) {
    checkDeno(name, "test", config, "--allow-ffi", "--no-check", path);
  }
});

test("the examples have the types that they seem to have", { timeout: 60_000 }, () => {
  using place = anywhere();
  const laid = lay(place, examples.filter(isFor("deno")));
  checkDeno("types", "check", config, "--quiet", ...laid.map(({ path }) => path));
});

/** Runs Deno on examples; what it says of them is the error. */
function checkDeno(name: string, command: string, ...parameters: string[]): void {
  const { status, stdout, stderr } = spawnSync(executable("deno"), [command, ...parameters], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  assertEquals(status, 0, `${name}: ${stdout}${stderr}`);
}
