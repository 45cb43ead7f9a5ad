/**
 * Puts what was measured into docs/: all of it as JSON, performance.md (the page of that name here, with its tables), and the plots beside it.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { groups } from "./groups.ts";
import { answers } from "./numbers.ts";
import { drawPlots } from "./plot.ts";
import { speed, spreadOf, total } from "./report.ts";
import { isAdded, type Measured } from "./results.ts";

/** Writes all files of a folder that come from a run; Deno's own formatter has the last word on them. */
export async function writePages(
  machine: string,
  results: readonly Measured[],
  folder: string,
  deno: string,
): Promise<void> {
  const json = `${folder}/performance.json`, page = `${folder}/performance.md`;
  writeFileSync(json, JSON.stringify({ machine, results }));
  const runtimes = [...new Set(results.map(({ runtime }) => runtime))];
  let text = readFileSync(new URL("performance.md", import.meta.url), "utf8");
  text = replaced(text, "machine", `${machine}.`);
  text = replaced(text, "targets", targets(results, runtimes));
  text = replaced(text, "rows", rows(results, runtimes));
  writeFileSync(page, text);
  const plots = await drawPlots(results, folder);
  execFileSync(deno, ["fmt", "--quiet", page, json, ...plots], { stdio: ["ignore", "inherit", "inherit"] });
}

/** A page with what stands between two of its comments replaced. */
function replaced(page: string, name: string, content: string): string {
  const from = `<!-- table: ${name} -->`, to = "<!-- end of table -->";
  const start = page.indexOf(from), end = page.indexOf(to, start);
  if (start < 0 || end < 0) {
    throw new Error(`bench/performance.md has no place for the ${name}: ${from} … ${to}`);
  }
  return `${page.slice(0, start)}${from}\n\n${content}\n\n${page.slice(end)}`;
}

function targets(results: readonly Measured[], runtimes: readonly string[]): string {
  const answered = answers(results, runtimes);
  return tableOf(
    ["what", "against", "target", ...runtimes, "met"],
    answered.map(({ what, against, target, answers }) => [
      what,
      against,
      target,
      ...answers.map((answer) => answer?.figure ?? "not measured"),
      met(answers.map((answer, index) => answer?.isMet ? runtimes[index]! : undefined)),
    ]),
  );
}

function met(names: readonly (string | undefined)[]): string {
  const those = names.filter((name) => name !== undefined);
  if (those.length === names.length) return "yes";
  return those.length === 0 ? "**no**" : `**only ${those.join(", ")}**`;
}

/** A heading, what both sides' durability is, and a table for each group. */
function rows(results: readonly Measured[], runtimes: readonly string[]): string {
  const found = Object.entries(groups).filter(([group]) => results.some((result) => result.group === group));
  return found.map(([group, durability]) => {
    const lines = new Map<string, Map<string, string[]>>();
    for (const result of results.filter((result) => result.group === group)) {
      for (const { against, cells } of cellsOf(result)) {
        const key = JSON.stringify([result.name, against]);
        if (!lines.has(key)) lines.set(key, new Map());
        lines.get(key)!.set(result.runtime, cells);
      }
    }
    const header = [
      "what",
      "against",
      ...runtimes.flatMap((runtime) => [runtime, `${runtime}, ours : theirs`]),
    ];
    const body = [...lines].map(([key, byRuntime]) => [
      ...JSON.parse(key) as string[],
      ...runtimes.flatMap((runtime) => byRuntime.get(runtime) ?? ["—", "—"]),
    ]);
    // Where nothing is compared, there are no two sides
    const isEmpty = (column: number) => body.every((cells) => cells[column] === "" || cells[column] === "—");
    const kept = header.map((_, column) => column).filter((column) => !isEmpty(column));
    const pick = (cells: readonly string[]) => kept.map((column) => cells[column]!);
    return `### ${group}\n\n${durability}\n\n${tableOf(pick(header), body.map(pick))}`;
  }).join("\n\n");
}

function cellsOf(result: Measured): { against: string; cells: string[] }[] {
  if (isAdded(result)) {
    return [{ against: result.than ?? "", cells: [`${total(result)} ${spreadOf(result)}`.trim(), ""] }];
  }
  return result.comparisons.map((comparison) => ({
    against: comparison.peer,
    cells: [
      `${comparison.ratio.toFixed(2)}× ${spreadOf(comparison)}`,
      `${speed(result, result.ns)} : ${speed(result, comparison.peerNs)}`,
    ],
  }));
}

function tableOf(header: readonly string[], body: readonly (readonly string[])[]): string {
  return [header, header.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
