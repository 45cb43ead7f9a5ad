// Which test files run on which machine: each file says it itself, in a line near its top.
//
//   // machines: ext4 xfs devdax        or        // machines: all
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type Machine, machines, machinesNamed } from "./machines.ts";

/** A machine's name to the files that run on it, relative to the checkout. */
export type Selection = Map<string, string[]>;

const headerLines = 20;

/**
 * The machines that a test file asks for, none if it does not say.
 *
 * @throws {RangeError} if it asks for one that does not exist
 */
export function machinesOf(source: string): Machine[] {
  const header = source.split("\n", headerLines).join("\n");
  const names = /^\/\/ machines: *(.+)$/m.exec(header)?.[1]?.trim().split(/[\s,]+/) ?? [];
  return names.includes("all") ? [...machines] : machinesNamed(names);
}

/** All test files of the checkout that ask for a machine. */
function filesThatAsk(checkout: string): string[] {
  return readdirSync(join(checkout, "tests"), { recursive: true }).map(String)
    .filter((name) => name.endsWith("_test.ts") && !name.includes("node_modules"))
    .map((name) => join("tests", name))
    .filter((file) => machinesOf(readFileSync(join(checkout, file), "utf8")).length > 0)
    .sort();
}

/**
 * Files by machine.
 *
 * @param files as given on the command line; none: all that ask for a machine
 * @param only these machines; a file named explicitly that asks for no machine runs on them
 * @throws {RangeError} if that selects nothing
 */
export function select(checkout: string, files: readonly string[], only: readonly Machine[]): Selection {
  const selection: Selection = new Map();
  const chosen = files.length > 0
    ? files.map((file) => relative(checkout, resolve(file)))
    : filesThatAsk(checkout);
  for (const file of chosen) {
    if (file.startsWith("..")) throw new RangeError(`${file} is outside the checkout ${checkout}`);
    const asked = machinesOf(readFileSync(join(checkout, file), "utf8"));
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
