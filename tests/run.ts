/**
 * The fast tier, from nothing: installs the development packages where they are missing or other ones, then runs every check
 * in turn and closes with one line, `N passed, N failed`. With words (`lint`, `zig`, `deno`, `bun`, `package`) only those of that name;
 * `corpus` and `trace` are slower, and run only when they are named.
 *
 * @module
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { installPackages } from "./helpers/install.ts";

/** One check: a command, and how many tests its output speaks of; a command that counts nothing is one test. */
interface Check {
  readonly group: string;
  readonly name: string;
  readonly command: readonly string[];
  readonly folder?: string;
  readonly count?: (output: string) => Count;
}

interface Count {
  passed: number;
  failed: number;
}

const root = fileURLToPath(new URL("../", import.meta.url));
const bin = (name: string) => `${root}node_modules/.bin/${name}`;

/** Folders whose tests run elsewhere or once: in the virtual machine, and against the packed package. */
const apart = ["vm", "package", "std_assert", "corpus", "trace", "mutants"];

/** What runs only when it is named. */
const slow = ["corpus", "trace"];

installPackages();

const files = [...testFiles("tests", apart), "tests/vm/harness_test.ts"];
const modules = ["mod.ts", ...testing()];
const checks: Check[] = [
  { group: "lint", name: "deno fmt", command: [bin("deno"), "fmt", "--check"] },
  { group: "lint", name: "deno lint", command: [bin("deno"), "lint"] },
  { group: "lint", name: "deno check", command: [bin("deno"), "check", "."] },
  { group: "lint", name: "tsc", command: [bin("tsc"), "-p", "."] },
  { group: "lint", name: "deno doc --lint", command: [bin("deno"), "doc", "--lint", ...modules] },
  {
    group: "lint",
    name: "deno publish --dry-run",
    command: [bin("deno"), "publish", "--dry-run", "--allow-dirty", "--no-check=remote"],
  },
  { group: "zig", name: "zig fmt", command: [bin("zig"), "fmt", "--check", "zig"] },
  {
    group: "zig",
    name: "zig build test",
    command: [bin("zig"), "build", "test", "--summary", "all"],
    folder: "zig",
    count: (output) =>
      counted(output, /(\d+)(?:\/\d+)? (?:tests )?pass(?:ed)?/, /(\d+) (?:tests )?fail(?:ed)?/),
  },
  aarch64(),
  {
    group: "zig",
    name: "the embedded libraries are what zig/ builds",
    command: [bin("deno"), "run", "-A", "ffi/embedded/build.ts", "--check"],
  },
  inDeno("deno", "the library", files),
  inBun("bun", "the library", files),
  inDeno("package", "the package as its users get it", testFiles("tests/package", [])),
  inDeno("corpus", "the crash corpus", testFiles("tests/corpus", [])),
  inBun("corpus", "the crash corpus", testFiles("tests/corpus", [])),
  inDeno("trace", "what native code really does, in both runtimes", testFiles("tests/trace", [])),
  inDeno("trace", "the mutation score's own tests", testFiles("tests/mutants", [])),
];

const only = process.argv.slice(2);
const chosen = checks.filter(({ group }) => only.length === 0 ? !slow.includes(group) : only.includes(group));
const total: Count = { passed: 0, failed: 0 };
// Two at a time, the next one whenever one ends: each works on one processor
const waiting = chosen.values();
await Promise.all([next(), next()]);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

async function next(): Promise<void> {
  for (const check of waiting) {
    const { passed, failed } = await run(check);
    total.passed += passed;
    total.failed += failed;
  }
}

async function run({ name, command, folder, count }: Check): Promise<Count> {
  const begin = performance.now();
  console.log(`\n== ${name}`);
  const { status, output } = await ended(command, folder === undefined ? root : `${root}${folder}`);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const result = count?.(output) ?? { passed: status === 0 ? 1 : 0, failed: 0 };
  // A command that fails without naming a failed test, or passes without naming any, is a failure itself
  if (result.failed === 0 && (status !== 0 || result.passed === 0)) result.failed = 1;
  if (result.failed > 0) console.log(output);
  console.log(
    `${
      result.failed === 0 ? "ok" : "FAILED"
    } ${name}: ${result.passed} passed, ${result.failed} failed (${seconds} s)`,
  );
  return result;
}

/** Runs a command to its end; its output is what it wrote to both. */
function ended(
  [program = "", ...parameters]: readonly string[],
  cwd: string,
): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, parameters, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", PATH: `${root}node_modules/.bin:${process.env["PATH"]}` },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => output += text);
    }
    child.on("error", (error) => resolve({ status: 1, output: String(error) }));
    child.on("close", (status) => resolve({ status, output }));
  });
}

function counted(output: string, passed: RegExp, failed: RegExp): Count {
  return { passed: Number(passed.exec(output)?.[1] ?? 0), failed: Number(failed.exec(output)?.[1] ?? 0) };
}

/** The aarch64 library's own tests, built and run in QEMU's user emulation: of a processor without DC CVAP, which QEMU 7.2 announces and cannot execute. */
function aarch64(): Check {
  const emulator = "qemu-aarch64-static";
  const found = spawnSync(emulator, ["--version"]).status === 0;
  const missing =
    `${emulator} is missing, so the tests of the aarch64 library did not run: apt-get install qemu-user-static`;
  return {
    group: "zig",
    name: "zig tests for aarch64, emulated",
    command: [
      "sh",
      "-c",
      found
        ? `zig build test-aarch64 && ${emulator} -cpu cortex-a72 zig-out/bin/test-aarch64`
        : `echo '${missing}'; exit 1`,
    ],
    folder: "zig",
    count: (output) =>
      counted(output, /(?:All )?(\d+) (?:tests )?pass(?:ed)?/, /(\d+) (?:tests )?fail(?:ed)?/),
  };
}

/** Test files in Deno. */
function inDeno(group: string, what: string, files: readonly string[]): Check {
  return {
    group,
    name: `${what}, in Deno`,
    command: [bin("deno"), "test", "-A", "--no-check", ...files],
    count: (output) => counted(output, /(\d+) passed/, /(\d+) failed/),
  };
}

/** Test files in Bun, with a minute for each test, or ten where each tries thousands of crashes. */
function inBun(group: string, what: string, files: readonly string[]): Check {
  const timeout = slow.includes(group) ? "600000" : "60000";
  return {
    group,
    name: `${what}, in Bun`,
    command: [bin("bun"), "test", "--timeout", timeout, ...files.map((file) => `./${file}`)],
    count: (output) => counted(output, /^\s*(\d+) pass$/m, /^\s*(\d+) fail$/m),
  };
}

/** The entry points beside mod.ts. */
function testing(): string[] {
  const { exports } = JSON.parse(readFileSync(`${root}deno.json`, "utf8")) as {
    exports: Record<string, string>;
  };
  return Object.values(exports).filter((path) => path !== "./mod.ts");
}

function testFiles(folder: string, without: readonly string[]): string[] {
  if (!existsSync(`${root}${folder}`)) return [];
  return readdirSync(`${root}${folder}`, { withFileTypes: true }).sort((a, b) => a.name < b.name ? -1 : 1)
    .flatMap(
      (entry) =>
        entry.isDirectory()
          ? (without.includes(entry.name) ? [] : testFiles(`${folder}/${entry.name}`, without))
          : entry.name.endsWith("_test.ts")
          ? [`${folder}/${entry.name}`]
          : [],
    );
}
