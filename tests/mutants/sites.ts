/**
 * Finds every place in src/ where something is written back, or where it is decided how: calls of native functions, by the names of
 * their parameters in ffi/symbols.ts; calls of what does nothing else; and a few values that decide.
 */

import { readdirSync, readFileSync } from "node:fs";
import { Mode, type Signature, symbols } from "../../ffi/symbols.ts";
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

/** What starts and ends a function of TypeScript: its name, its parameters, and a result that only tells that it is done. */
const procedures =
  /^(?: {2}|export )?(?:async )?(function )?(#?\w+)\(([^()]*)\): (?:void|Promise<void>) \{$/gm;

/** What writes back or decides it, and is known by nothing but its text. */
const special: readonly (readonly [RegExp, Roles])[] = [
  [/\bwriteText(?=\()/g, {}],
  [/\blibrary\(\)\.runtime\.sync(?=\()/g, { answer: Promise.resolve(0) }],
  [/(?<=^ +)settle(?=\(\);)/gm, { answer: undefined }],
];

const truth = { "true": true, "false": false };

/** Values that decide, by the beginning of the statement that they stand in, and each of them with what could be in its place. */
const decisive:
  readonly (readonly [statement: RegExp, value: RegExp, others: Readonly<Record<string, unknown>>])[] = [
    [/const natural\b/g, /\bmapSync\b|\bmedium\.eadr\b/g, truth],
    [/const tooFine\b/g, /(?<== )granularities.*(?=;)/g, truth],
    [/const durabilityReason\b/g, /\bmedium\.volatile\b/g, { "undefined": undefined }],
    [/const method\b/g, /\bgranularity === "[^"]*"|\bforced === undefined|\bmedium\.inMemory\b/g, truth],
    [/const method\b/g, /\bMode\.(?:fence|msync)\b|\bcpu & Mode\.methodMask/g, {
      "Mode.fence": Mode.fence,
      "Mode.clflush": Mode.clflush,
      "Mode.msync": Mode.msync,
    }],
    [/\bdurability: d/g, /\bdurabilityReason === undefined/g, truth],
    [/const flags\b/g, /\bMapFlag\.sync\b/g, { "0": 0 }],
    [/let address = .*mapFile/g, /\bneedHost\(medium\.leaves\)|(?<=sync: )true/g, truth],
    [/const mapSync\b/g, /address >= 0/g, truth],
    [/const decision = decide/g, /\bmapped\.mapSync\b/g, truth],
    [/const onFile\b/g, /(?<== )this.*(?=;)/g, truth],
    [/const mode = onFile/g, /\bMode\.msync\b/g, { "Mode.fence": Mode.fence, "Mode.clwb": Mode.clwb }],
    [/if \(method === Mode\.msync/g, /method === Mode\.msync/g, truth],
    [/const end = method/g, /method === Mode\.fence/g, truth],
    [/\(drain === false/g, /drain === false/g, truth],
  ];

/** The sources of a folder, those in folders within it too. */
export function sourcesOf(folder: string): Map<string, string> {
  const names = readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" });
  return new Map(
    names.filter((name) => name.endsWith(".ts")).sort()
      .map((name) => [`${folder}/${name}`, readFileSync(`${root}${folder}/${name}`, "utf8")]),
  );
}

/** The sources of the library itself: those beside them that use only what users have are structures. */
export function ownSources(): Map<string, string> {
  const all = Array.from(sourcesOf("src"));
  const folderOf = (file: string) => file.slice(0, file.lastIndexOf("/"));
  const own = new Set(
    all.filter(([, source]) => source.includes("daxfile1_")).map(([file]) => folderOf(file)),
  );
  return new Map(all.filter(([file]) => own.has(folderOf(file))));
}

/** The sites of some files, in order. */
export function sitesOf(files: ReadonlyMap<string, string>): Site[] {
  const masked = new Map(Array.from(files, ([file, source]) => [file, maskTypeScript(source)]));
  const procedures = proceduresOf(Array.from(masked.values()));
  const all = Array.from(masked.values()).join("\n");
  const stale = decisive.find(([statement]) => !new RegExp(statement.source).test(all));
  if (stale !== undefined) throw new Error(`There is no ${stale[0]} in src/ any more: mend sites.ts`);
  return Array.from(files, ([file, source]) => inFile(file, source, masked.get(file)!, procedures)).flat();
}

/** The methods of a file that write back, by their names. */
export function regionMethods(): string[] {
  const procedures = proceduresOf([maskTypeScript(readFileSync(`${root}src/file.ts`, "utf8"))]);
  return Array.from(procedures).filter(([name, { isMethod }]) => isMethod && !name.startsWith("#")).map((
    [name],
  ) => name);
}

/**
 * The part that each parameter has, by its name; undefined for a native function that writes nothing back: one that does has to be
 * told how, and answers 0 or −errno.
 */
function nativeRoles(name: string): Roles | undefined {
  const { parameters, result } = (symbols as Record<string, Signature>)[name]!;
  const names = Object.keys(parameters);
  if (name === "daxfile1_map") return { flags: names.indexOf("flags") };
  if (names.includes("dataOnly")) return { dataOnly: names.indexOf("dataOnly") };
  if (result !== "i32" || names.includes("path") || !names.includes("mode")) return undefined;
  return {
    ...rolesOf(names),
    hoists: true,
    ...(name === "daxfile1_persist" && { without: "flush" }),
    canLeaveFence: names.includes("source") || names.includes("value"),
  };
}

function rolesOf(names: readonly string[]): Roles {
  const at = (...wanted: readonly string[]) => wanted.map((name) => names.indexOf(name)).find((i) => i >= 0);
  // Where there is an offset, address and length are those of the whole file
  const start = at("byteOffset", "address", "destination", "start");
  const isWhole = names.includes("byteOffset") && names.includes("address");
  const found = {
    start,
    source: at("source"),
    length: isWhole ? undefined : at("byteLength", "length"),
    mode: at("mode"),
  };
  return Object.fromEntries(Object.entries(found).filter(([, index]) => index !== undefined));
}

/** The functions that do nothing but write back, with what they call: those that answer nothing and contain a site. */
function proceduresOf(sources: readonly string[]): Map<string, Roles & { readonly isMethod: boolean }> {
  const out = new Map<string, Roles & { readonly isMethod: boolean }>();
  const bodies = sources.flatMap((masked) =>
    Array.from(masked.matchAll(procedures), ({ 0: text, 1: isFunction, 2: name, 3: parameters, index }) => {
      const start = index + text.length - 1;
      const names = parameters!.split(",").map((parameter) => /^\s*(\w*)/.exec(parameter)![1]!);
      const roles = { ...rolesOf(names), answer: undefined, isMethod: isFunction === undefined };
      return { name: name!, roles, body: masked.slice(start, closing(masked, start)) };
    })
  );
  for (let before = -1; before !== out.size;) {
    before = out.size;
    for (const { name, roles, body } of bodies) {
      const natives = Array.from(body.matchAll(/\bdaxfile1_\w+/g), ([name]) => nativeRoles(name));
      const writes = natives.some((roles) => roles !== undefined && roles.flags === undefined) ||
        special.some(([pattern]) => pattern.test(body)) || calls(body, out).next().done === false;
      if (writes) out.set(name, roles);
    }
  }
  return out;
}

/** Calls of them: a function's, and a method's of whatever object, unless it is known to be another's. */
function* calls(
  masked: string,
  procedures: ReadonlyMap<string, Roles & { readonly isMethod: boolean }>,
): Iterable<{ readonly text: string; readonly index: number; readonly roles: Roles }> & Iterator<unknown> {
  for (
    const { 0: text, 1: object, 2: name, index } of masked.matchAll(
      /(?:\b(\w+(?:\.#?\w+)*)\.)?(#?\b\w+)(?=\()/g,
    )
  ) {
    const roles = procedures.get(name!);
    const isCalled = object === undefined
      ? !/\bfunction\s*$/.test(masked.slice(Math.max(0, index - 20), index))
      : /^this(?:$|\.#)/.test(object) || !isOther(masked, index, object, name!);
    if (roles !== undefined && isCalled && roles.isMethod === (object !== undefined)) {
      yield { text, index, roles };
    }
  }
}

/** Whether a method is that of a typed array, which the file itself says, or is one of `special`. */
function isOther(masked: string, index: number, object: string, name: string): boolean {
  const isArray = new RegExp(`\\b${object}(?:: | = new )\\w+Array\\b`).test(masked);
  const line = masked.slice(masked.lastIndexOf("\n", index), masked.indexOf("\n", index));
  return isArray && name in Uint8Array.prototype || special.some(([pattern]) => line.search(pattern) >= 0);
}

function inFile(
  file: string,
  source: string,
  masked: string,
  procedures: ReadonlyMap<string, Roles & { readonly isMethod: boolean }>,
): Site[] {
  const sites: Site[] = [];
  const add = (start: number, end: number, operators: readonly Operator[]) => {
    sites.push({ file, line: lineOf(source, start), start, end, text: source.slice(start, end), operators });
  };
  for (const { 0: text, index } of masked.matchAll(/\bdaxfile1_\w+/g)) {
    const before = /(?:\blibrary\(\)\.)?\bnative\.$/.exec(masked.slice(0, index))?.[0];
    if (before === undefined) {
      throw new Error(`${file}:${lineOf(source, index)}: ${text} is reached in a new way: mend sites.ts`);
    }
    const roles = nativeRoles(text), start = index - before.length;
    if (roles !== undefined) add(start, index + text.length, ofFunction(roles, isUsed(masked, start)));
  }
  for (const { text, index, roles } of calls(masked, procedures)) {
    add(index, index + text.length, ofFunction(roles, false));
  }
  for (const [pattern, roles] of special) {
    for (const { 0: text, index } of masked.matchAll(pattern)) {
      if (/\bfunction\s+$/.test(masked.slice(0, index))) continue;
      add(index, index + text.length, ofFunction(roles, !("answer" in roles) && isUsed(masked, index)));
    }
  }
  for (const [statement, value, others] of decisive) {
    for (const { index: first } of masked.matchAll(statement)) {
      for (const { 0: text, index } of source.slice(first, statementEnd(masked, first)).matchAll(value)) {
        const start = first + index;
        add(start, start + text.length, ofValue(others).filter(({ name }) => name !== text));
      }
    }
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
