// Where the seal differs from the system call, taken from kernel/conformance/rows.table, as docs/static-dax.md lists it.
//
//   deno run -A tests/vm/differences.ts            prints the list
//   deno run -A tests/vm/differences.ts --write    puts it into the page
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const table = new URL("../../kernel/conformance/rows.table", import.meta.url);
/** The page that lists the differences, between the two marks. */
export const page: string = fileURLToPath(new URL("../../docs/static-dax.md", import.meta.url));
const [begin, end] = ["<!-- differences -->", "<!-- end of differences -->"];

const systems = ["ext4", "XFS", "XFS with reflink"] as const;

/** A row of the table that ends otherwise by the seal. */
export interface Difference {
  /** The row's file, who, and the steps. */
  row: string;
  /** Why it differs: a paragraph of {@linkcode reasons}. */
  reason: string;
  /** For each file system on which the two differ: its name, what the call answers, what the seal does. */
  results: [system: string, call: string, seal: string][];
}

/**
 * The rows that have a line "seal: REASON | … | … | …" below them.
 *
 * @throws {Error} if a line has not four columns
 */
export function differences(text: string): Difference[] {
  const found: Difference[] = [];
  let above: string[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const columns = line.split("|").map((column) => column.trim().replace(/ +/g, " "));
    if (columns.length !== 4) throw new Error(`A row wants four columns: ${line}`);
    // "=" among the call's results is the column before; below them, it is what the call answers
    for (let i = 2; i < 4; i++) if (columns[i] === "=" && !/^\s/.test(line)) columns[i] = columns[i - 1]!;
    if (!/^\s/.test(line)) {
      above = columns;
      continue;
    }
    const reason = /^seal: (\S+)$/.exec(columns[0]!)?.[1];
    if (reason === undefined) throw new Error(`Not "seal: REASON": ${line}`);
    const results = systems.flatMap((system, i): Difference["results"] => {
      const [call, seal] = [above[i + 1]!, columns[i + 1]!];
      return call === "-" || ["=", "-", call].includes(seal) ? [] : [[system, call, seal]];
    });
    if (results.length > 0) found.push({ row: above[0]!, reason, results });
  }
  return found;
}

/** The paragraphs that explain the differences, by their names, from lines "# reason NAME: TEXT" of the table. */
export function reasons(text: string): Map<string, string> {
  const lines = [...text.matchAll(/^# reason (\S+): (.*(?:\n# {3}\S.*)*)/gm)];
  return new Map(lines.map(([, name = "", words = ""]) => [name, words.replace(/\n#\s+/g, " ")]));
}

/**
 * The list in Markdown, by reason.
 *
 * @throws {Error} if a reason is not explained, or explains nothing
 */
export function markdown(text: string = readFileSync(table, "utf8")): string {
  const rows = differences(text);
  const paragraphs = reasons(text);
  for (const { reason, row } of rows) {
    if (!paragraphs.has(reason)) throw new Error(`The reason ${reason} of "${row}" is not explained`);
  }
  const parts = [...paragraphs].map(([reason, words]) => {
    const own = rows.filter((row) => row.reason === reason);
    if (own.length === 0) throw new Error(`The reason ${reason} explains no difference`);
    return `${words}\n\n${own.map(item).join("\n")}`;
  });
  return parts.join("\n\n");
}

function item({ row, results }: Difference): string {
  const [first, ...more] = results;
  const same = more.every(([, call, seal]) => call === first![1] && seal === first![2]);
  const told = (same ? [[results.map(([system]) => system).join(", "), first![1], first![2]]] : results)
    .map(([system, call, seal]) =>
      `${system}: call ${code(call!)}, seal ${seal === "?" ? "not tried" : code(seal!)}`
    );
  return `- ${code(row)}: ${told.join("; ")}`;
}

function code(text: string): string {
  return "`" + text + "`";
}

/** What stands between the marks of a page; undefined if they are not there. */
export function listed(page: string): string | undefined {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  return from < 0 || to < from ? undefined : page.slice(from + begin.length, to);
}

/** One space for every run of white space, so that a formatter may wrap lines. */
export function unwrapped(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}

if (import.meta.main) {
  if (!process.argv.includes("--write")) console.log(markdown());
  else {
    const text = readFileSync(page, "utf8");
    const old = listed(text);
    if (old === undefined) throw new Error(`${page} has no marks ${begin} and ${end}`);
    const from = text.indexOf(begin) + begin.length;
    writeFileSync(page, `${text.slice(0, from)}\n\n${markdown()}\n\n${text.slice(from + old.length)}`);
  }
}
