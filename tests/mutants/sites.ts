/**
 * Finds every place in TypeScript where something is written back, or where it is decided how: by what is called, in whatever folder.
 * A native function that is not listed here is an error, so that a new one cannot go unnoticed.
 */

import { readdirSync, readFileSync } from "node:fs";
import { Mode, symbols } from "../../ffi/symbols.ts";
import { root } from "../helpers/child.ts";
import { closing, lineOf, maskTypeScript } from "./mask.ts";
import { ofFunction, ofValue, type Operator, type Roles } from "./operators.ts";

/** A place in a source file, and what can be put there. */
export interface Site {
  readonly file: string;
  readonly line: number;
  /** Offsets of the expression in the file. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly operators: readonly Operator[];
}

/** The native functions that write back or decide it. */
const native: Readonly<Record<string, Roles>> = {
  persist: { start: 0, length: 1, mode: 2, without: "flush", hoists: true },
  flush: { start: 0, length: 1, mode: 2, hoists: true },
  drain: { mode: 0, hoists: true },
  store64: { start: 0, mode: 3, hoists: true },
  copy: { start: 0, source: 1, length: 2, mode: 3, canLeaveFence: true, hoists: true },
  fill: { start: 0, length: 1, mode: 3, canLeaveFence: true, hoists: true },
  sync: { dataOnly: 1 },
  map: { flags: 3 },
};

/** Those that do neither. */
const harmless = new Set(
  ("cpu unmap map_zero scratch guard unguard open close duplicate statx statfs read write seek allocate truncate lock extents list " +
    "readlink link unlink daxctl").split(" "),
);

/** Functions of src/ that do nothing but write back, by how they are called. */
const called: readonly (readonly [RegExp, Roles])[] = [
  [/\bsyncDirectory(?=\()/g, { answer: undefined }],
  [/\bdeepFlushRegions(?=\()/g, { answer: undefined }],
  [/\bwriteText(?=\()/g, {}],
  [/\blibrary\(\)\.runtime\.sync(?=\()/g, { answer: Promise.resolve(0) }],
  [/\bthis\.(?:persist|flush|drain)(?=\()/g, { answer: undefined }],
  [/\bthis\.#writeBackClosely(?=\()/g, { mode: 1, start: 3, length: 4, answer: undefined }],
];

const truth = { "true": true, "false": false };

/** Values that decide, by the statement that they stand in: its file, its beginning, and each of them with what could be in its place. */
const decisive: readonly (readonly [string, RegExp, RegExp, Readonly<Record<string, unknown>>])[] = [
  ["durability.ts", /const natural\b/, /\bmapSync\b|\bmedium\.eadr\b/g, truth],
  ["durability.ts", /const tooFine\b/, /(?<== )granularities.*(?=;)/g, truth],
  ["durability.ts", /const durabilityReason\b/, /\bmedium\.volatile\b/g, { "undefined": undefined }],
  [
    "durability.ts",
    /const method\b/,
    /\bgranularity === "[^"]*"|\bforced === undefined|\bmedium\.inMemory\b/g,
    truth,
  ],
  [
    "durability.ts",
    /const method\b/,
    /\bMode\.(?:fence|msync)\b|\bcpu & Mode\.methodMask/g,
    { "Mode.fence": Mode.fence, "Mode.clflush": Mode.clflush, "Mode.msync": Mode.msync },
  ],
  ["durability.ts", /\bdurability: d/, /\bdurabilityReason === undefined/g, truth],
  ["mapping.ts", /const flags\b/, /\bMapFlag\.sync\b/g, { "0": 0 }],
  ["open.ts", /let address = .*mapFile/, /\bneedHost\(medium\.leaves\)|(?<=sync: )true/g, truth],
  ["open.ts", /const mapSync\b/, /address >= 0/g, truth],
  ["open.ts", /const decision = decide/, /\bmapped\.mapSync\b/g, truth],
  ["file.ts", /const onFile\b/, /(?<== )this.*(?=;)/g, truth],
  ["file.ts", /const mode = onFile/, /\bMode\.msync\b/g, {
    "Mode.fence": Mode.fence,
    "Mode.clwb": Mode.clwb,
  }],
  ["file.ts", /if \(method === Mode\.msync/, /method === Mode\.msync/g, truth],
  ["file.ts", /const end = method/, /method === Mode\.fence/g, truth],
  ["arguments.ts", /\(drain === false/, /drain === false/g, truth],
];

/** Files of src/ that open a file and work with it; the others only look at it or talk about it. */
export function sourcesOf(folder: string): Map<string, string> {
  const names = readdirSync(`${root}${folder}`).filter((name) => name.endsWith(".ts"));
  return new Map(
    names.map((name) => [`${folder}/${name}`, readFileSync(`${root}${folder}/${name}`, "utf8")]),
  );
}

/**
 * The sites of some files, in order.
 *
 * @throws {Error} if a native function is not classified, or called in a way that is not understood
 */
export function sitesOf(files: ReadonlyMap<string, string>): Site[] {
  for (const name of Object.keys(symbols)) {
    const short = name.slice("daxfile1_".length);
    if (!(short in native) && !harmless.has(short)) {
      throw new Error(`${name} is new: say in sites.ts whether it writes back`);
    }
  }
  return Array.from(files, ([file, source]) => inFile(file, source)).flat();
}

function inFile(file: string, source: string): Site[] {
  const masked = maskTypeScript(source);
  const sites: Site[] = [];
  const add = (start: number, end: number, operators: readonly Operator[]) => {
    sites.push({ file, line: lineOf(source, start), start, end, text: source.slice(start, end), operators });
  };
  for (const { 0: text, index } of masked.matchAll(/\bdaxfile1_\w+/g)) {
    const before = /(?:\blibrary\(\)\.)?\bnative\.$/.exec(masked.slice(0, index))?.[0];
    if (before === undefined) {
      throw new Error(`${file}:${lineOf(source, index)}: ${text} is reached in a new way`);
    }
    const roles = native[text.slice("daxfile1_".length)];
    const start = index - before.length, end = index + text.length;
    if (roles !== undefined) add(start, end, ofFunction(roles, isUsed(masked, start)));
  }
  for (const [pattern, roles] of called) {
    for (const { 0: text, index } of masked.matchAll(pattern)) {
      if (/\bfunction\s+$/.test(masked.slice(0, index))) continue;
      add(
        index,
        index + text.length,
        ofFunction(roles, !("answer" in roles) && isUsed(masked, index)),
      );
    }
  }
  for (const [name, statement, value, others] of decisive) {
    if (!file.endsWith(`/${name}`)) continue;
    const found = statement.exec(source);
    if (found === null) throw new Error(`${file}: there is no ${statement} any more: mend sites.ts`);
    const end = statementEnd(masked, found.index);
    let count = 0;
    for (const { 0: text, index } of source.slice(found.index, end).matchAll(value)) {
      count++;
      add(
        found.index + index,
        found.index + index + text.length,
        ofValue(others).filter(({ name }) => name !== text),
      );
    }
    if (count === 0) throw new Error(`${file}: ${statement} decides in a new way: mend sites.ts`);
  }
  return sites.sort((a, b) => a.start - b.start);
}

/** Whether what a call answers goes anywhere. */
function isUsed(masked: string, start: number): boolean {
  return /(?:=|\?|:|\breturn|\bawait|,|\()\s*$/.test(masked.slice(0, start));
}

/** The end of the statement that begins here: the semicolon or comma outside of brackets, or the bracket that opens a block. */
function statementEnd(masked: string, from: number): number {
  for (let i = from; i < masked.length; i++) {
    if (masked[i] === "(" || masked[i] === "[") i = closing(masked, i) - 1;
    else if (masked[i] === ";" || masked[i] === ",") return i + 1;
    else if (masked[i] === "{" && /[)]\s*$/.test(masked.slice(from, i))) return i;
  }
  return masked.length;
}

/** A copy of a file in which each site asks what to be. */
export function instrumented(source: string, sites: readonly (Site & { id: number })[]): string {
  let out = source;
  for (const { id, start, end, text } of sites.toSorted((a, b) => b.start - a.start)) {
    // A method keeps its object
    const value = /^this\./.test(text) && out[end] === "("
      ? `(...parameters) => ${text}(...parameters)`
      : text;
    out = `${out.slice(0, start)}globalThis.daxfileMutant(${id}, ${value})${out.slice(end)}`;
  }
  return out;
}
