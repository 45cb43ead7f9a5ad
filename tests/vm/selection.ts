// Which test files run on which machine: each file says it itself, in lines near its top.
//
//   // machines: ext4 xfs devdax        those; all: every one; files: every one with a file system, so not devdax
//   // processors: 2                  if it needs more than one for what it tests: two processes that race
//   // machines: none, it opens no file and why; then it runs outside only
//   // kernel: daxctl                   for our own kernel; any: for Debian's and for ours; without it, for Debian's
//   // program: kernel/conformance      a folder of C sources, as a program in DAXFILE_TEST_PROGRAMS
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type Machine, machines, machinesNamed } from "./machines.ts";

/** A machine's name to the files that run on it, relative to the checkout. */
export type Selection = Map<string, string[]>;

/** Debian's kernel, or one with daxctl(2): our own. */
export type KernelKind = "debian" | "daxctl";

const headerLines = 20;

/** What stands behind a name in a file's header. */
function headerLine(source: string, name: string): string | undefined {
  const header = source.split("\n", headerLines).join("\n");
  return new RegExp(`^// ${name}: *(.+)$`, "m").exec(header)?.[1]?.trim();
}

function headerWords(source: string, name: string): string[] {
  return headerLine(source, name)?.split(/[\s,]+/) ?? [];
}

/**
 * The machines that a test file asks for, none if it does not say.
 *
 * @throws {RangeError} if it asks for one that does not exist
 */
export function machinesOf(source: string): Machine[] {
  const names = headerWords(source, "machines");
  switch (names[0]) {
    case "all":
      return [...machines];
    case "files":
      return machines.filter((machine) => machine.mode !== "devdax");
    case "none":
      return [];
    default:
      return machinesNamed(names);
  }
}

/** Why a test file runs on no machine; undefined if it does not say so. */
export function whyNone(source: string): string | undefined {
  return /^none, (.+)$/.exec(headerLine(source, "machines") ?? "")?.[1];
}

/**
 * The kernels that a test file asks for.
 *
 * @throws {RangeError} if it asks for one that does not exist
 */
export function kernelsOf(source: string): KernelKind[] {
  const [word = "debian", ...more] = headerWords(source, "kernel");
  if (more.length === 0 && word === "any") return ["debian", "daxctl"];
  if (more.length === 0 && (word === "debian" || word === "daxctl")) return [word];
  throw new RangeError(
    `There is no kernel "${[word, ...more].join(" ")}"; a test file can say: debian daxctl any`,
  );
}

/** The folders of C sources that these files want as programs. */
export function programsOf(checkout: string, files: readonly string[]): string[] {
  return [
    ...new Set(
      files.flatMap((file) => headerWords(readFileSync(join(checkout, file), "utf8"), "program")),
    ),
  ];
}

/** These files, by the number of processors that they ask for: one, unless they say more. */
export function byProcessors(checkout: string, files: readonly string[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const file of files) {
    const [word = "1"] = headerWords(readFileSync(join(checkout, file), "utf8"), "processors");
    groups.set(Number(word), [...groups.get(Number(word)) ?? [], file]);
  }
  return groups;
}

/** All test files of the checkout and their texts. */
export function allTests(checkout: string): Map<string, string> {
  const names = readdirSync(join(checkout, "tests"), { recursive: true }).map(String).sort();
  return new Map(
    names.filter((name) => name.endsWith("_test.ts") && !name.includes("node_modules"))
      .map((name) => join("tests", name))
      .map((file) => [file, readFileSync(join(checkout, file), "utf8")]),
  );
}

/** All test files of the checkout that ask for a machine with this kernel. */
function filesThatAsk(checkout: string, kernel: KernelKind): string[] {
  return [...allTests(checkout)].filter(([, source]) =>
    machinesOf(source).length > 0 && kernelsOf(source).includes(kernel)
  ).map(([file]) => file);
}

/**
 * Files by machine.
 *
 * @param files as given on the command line; none: all that ask for a machine with this kernel
 * @param only these machines; a file named explicitly that asks for no machine runs on them
 * @param kernel the one that is booted; a file named explicitly runs on ours even if it asks for Debian's
 * @throws {RangeError} if that selects nothing, or a file that needs our kernel without it
 */
export function select(
  checkout: string,
  files: readonly string[],
  only: readonly Machine[],
  kernel: KernelKind,
): Selection {
  const selection: Selection = new Map();
  const chosen = files.length > 0
    ? files.map((file) => relative(checkout, resolve(file)))
    : filesThatAsk(checkout, kernel);
  for (const file of chosen) {
    if (file.startsWith("..")) throw new RangeError(`${file} is outside the checkout ${checkout}`);
    const source = readFileSync(join(checkout, file), "utf8");
    if (kernel === "debian" && !kernelsOf(source).includes("debian")) {
      throw new RangeError(`${file} needs a kernel with daxctl(2): add --kernel`);
    }
    const asked = machinesOf(source);
    const wanted = asked.length > 0
      ? asked.filter((machine) => only.length === 0 || only.includes(machine))
      : only;
    for (const { name } of wanted) selection.set(name, [...selection.get(name) ?? [], file]);
  }
  if (selection.size === 0) {
    const where = only.length > 0 ? ` on ${only.map((machine) => machine.name).join(" ")}` : "";
    throw new RangeError(
      `No test file asks to run${where}; a line such as "// machines: ext4 xfs" near its top does`,
    );
  }
  return selection;
}
