// Reads what a runtime left behind (JUnit XML, exit code, output), and says what became of each file.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What became of one test file on one machine under one runtime. */
export interface FileResult {
  file: string;
  passed: number;
  skipped: number;
  /** One entry a failure: which test, and the first line of why. */
  failures: string[];
  /** What its tests took; not what it did before it registered them. */
  seconds: number;
  /** The runtime's output, worth a look if something failed. */
  log?: string;
}

/** One test case of a JUnit report. */
export interface TestCase {
  file: string;
  name: string;
  state: "passed" | "failed" | "skipped";
  message: string;
  seconds: number;
}

/** The test cases of a JUnit report, a test that only sums up its steps left out. */
export function parseJUnit(xml: string): TestCase[] {
  const cases: TestCase[] = [];
  for (
    const [, attributes = "", body = ""] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)
  ) {
    const state = /<(failure|error)\b/.test(body) ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed";
    const message = decode(/<(?:failure|error)\b[^>]*?\bmessage="([^"]*)"/s.exec(body)?.[1] ?? "").trim();
    const file = attribute(attributes, "file") ?? attribute(attributes, "classname") ?? "";
    cases.push({
      file: file.replace(/^\.\//, ""),
      name: attribute(attributes, "name") ?? "",
      state,
      message,
      seconds: Number(attribute(attributes, "time") ?? 0),
    });
  }
  for (const step of cases) {
    // Deno names its own source as the file of what is inside describe(), but the right one of describe() itself.
    const group = step.name.split(" > ")[0];
    if (step.file.startsWith("ext:")) step.file = cases.find(({ name }) => name === group)?.file ?? step.file;
  }
  return cases.filter(({ name, state }) => {
    const steps = cases.filter((other) => other.name.startsWith(`${name} > `));
    return steps.length === 0 || (state === "failed" && !steps.some((step) => step.state === "failed"));
  });
}

function attribute(attributes: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`, "s").exec(attributes)?.[1];
  return value === undefined ? undefined : decode(value);
}

function decode(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(
    /&(#?)(\w+);/g,
    (_, number, code) => number ? String.fromCodePoint(+code) : named[code] ?? "",
  );
}

/**
 * What became of these files on a machine under a runtime.
 *
 * @param folder where guest/run.sh left its results
 */
export function collect(
  folder: string,
  machine: string,
  runtime: string,
  files: readonly string[],
): FileResult[] {
  const unprepared = join(folder, `${machine}.unprepared.log`);
  if (existsSync(unprepared)) {
    const failures = ["the machine could not be prepared"];
    return files.map((file) => ({ file, passed: 0, skipped: 0, failures, seconds: 0, log: unprepared }));
  }
  const together = readPart(join(folder, `${machine}.${runtime}.all`));
  if (together.cases) return judge(files, together);
  return files.flatMap((file, index) =>
    judge([file], readPart(join(folder, `${machine}.${runtime}.${index}`)))
  );
}

/** What one process left: nothing, if the guest ended before it. */
interface Part {
  cases?: TestCase[];
  exit?: number;
  log?: string;
}

function readPart(path: string): Part {
  const part: Part = {};
  if (existsSync(`${path}.xml`)) part.cases = parseJUnit(readFileSync(`${path}.xml`, "utf8"));
  if (existsSync(`${path}.exit`)) part.exit = Number(readFileSync(`${path}.exit`, "utf8"));
  if (existsSync(`${path}.log`)) part.log = `${path}.log`;
  return part;
}

function judge(files: readonly string[], { cases, exit, log }: Part): FileResult[] {
  const found = files.map((file): FileResult => {
    const own = cases?.filter((one) => one.file === file) ?? [];
    const failures = own.filter(({ state }) => state === "failed")
      .map(({ name, message }) => `${name}: ${message.split("\n")[0]}`);
    const count = (state: TestCase["state"]) => own.filter((one) => one.state === state).length;
    // A file that registers no test, for instance because it could not be loaded, must not pass unseen.
    if (own.length === 0) failures.push(cases ? "it ran no test" : `no results: ${ending(exit)}`);
    const seconds = own.reduce((sum, one) => sum + one.seconds, 0);
    return {
      ...{ file, passed: count("passed"), skipped: count("skipped"), failures, seconds },
      ...(log ? { log } : {}),
    };
  });
  const first = found[0];
  if (exit !== 0 && first && !found.some((one) => one.failures.length > 0)) {
    first.failures.push(`no test failed, and yet: ${ending(exit)}`);
  }
  return found;
}

function ending(exit: number | undefined): string {
  if (exit === undefined) return "the guest ended before it did";
  if (exit === 124 || exit === 137) return "the process ran into its time limit";
  return exit > 128 ? `the process was killed by signal ${exit - 128}` : `the process ended with ${exit}`;
}
