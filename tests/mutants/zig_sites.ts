/**
 * Finds every place in Zig where something is flushed, fenced, streamed or msynced, or where it is decided how, and what can be put
 * there. A call of that kind which is not listed here is an error, so that a new one cannot go unnoticed.
 */

import { closing, hoisted, lineOf, maskZig, parametersOf } from "./mask.ts";

/** A place in a source file, with texts to put there. */
export interface ZigSite {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly mutants: readonly { readonly operator: string; readonly source: string }[];
}

interface Call {
  /** The function of mutant.zig that does nothing in its place. */
  readonly dropped: string;
  /** The parameter that is a range, to be narrowed. */
  readonly range?: number;
  /** By which numbers of bytes; default 1, 8 and 64. */
  readonly by?: readonly number[];
  /** Parameters that are addresses, to be moved a line. */
  readonly addresses?: readonly number[];
  /** Others in its place, of all its parameters. */
  readonly instead?: Readonly<Record<string, (parameters: readonly string[]) => string>>;
}

const flushInstead = {
  "flush in its place": ([range, mode]: readonly string[]) => `cache.flush(${range}, ${mode})`,
};
const drainInstead = {
  "drain in its place": ([range, mode]: readonly string[]) =>
    `@import("mutant.zig").drain(cache, ${range}, ${mode})`,
};
const unfenced = (name: string, at: number) => ({
  "without the fence": (parameters: readonly string[]) =>
    `${name}(${parameters.with(at, "false").join(", ")})`,
});

const calls: Readonly<Record<string, Call>> = {
  "Machine.fence": { dropped: "nothing" },
  "Machine.flushLine": { dropped: "line", addresses: [1] },
  "Machine.msync": { dropped: "pages", range: 0 },
  "Machine.storeWord": { dropped: "word" },
  "Machine.streamWord": {
    dropped: "word",
    instead: { "an ordinary store": (parameters) => `Machine.storeWord(${parameters.join(", ")})` },
  },
  "Machine.streamLines": { dropped: "streamed" },
  "cache.persist": { dropped: "rangeMode", range: 0, instead: { ...flushInstead, ...drainInstead } },
  "cache.flush": { dropped: "rangeMode", range: 0 },
  "cache.drain": { dropped: "mode" },
  "cache.store64": { dropped: "word64" },
  "copying.copy": { dropped: "ranges" },
  "copying.fill": { dropped: "filled" },
  "persist": {
    dropped: "rangeMode",
    range: 0,
    instead: {
      "flush in its place": ([range, mode]) => `flush(${range}, ${mode})`,
      "drain in its place": ([, mode]) => `drain(${mode})`,
    },
  },
  "writeBack": { dropped: "fenced", range: 0, instead: unfenced("writeBack", 2) },
  "writeBackOtherwise": {
    dropped: "otherwise",
    addresses: [0, 1],
    instead: unfenced("writeBackOtherwise", 3),
  },
  "flushLines": { dropped: "ofLines", range: 1 },
  "source.stream": { dropped: "stream", range: 2, by: [64] },
  "edge": { dropped: "edge", range: 0, by: [1] },
  "stream": { dropped: "bodied" },
  "files.sync": { dropped: "synced" },
};

/** Names that a call of this kind ends in. */
const kinds =
  /((?:\b\w+\.)*\b(?:fence|flushLines?|msync|persist|flush|drain|store64|streamWord|storeWord|streamLines|stream|edge|sync|writeBack\w*)|\bcopying\.\w+)\(/g;

/** Text that decides, in its file: from what, to what else. A place that is not there any more is an error. */
const texts: readonly (readonly [file: string, from: string | RegExp, to: readonly string[]])[] = [
  ["cache.zig", "if (line >= range.end) break", ["if (line + line_bytes >= range.end) break"]],
  ["cache.zig", "range.start & ~(line_bytes - 1)", ["range.start", "range.start | (line_bytes - 1)"]],
  ["cache.zig", "if (mode.method == .msync) return 0", [
    "if (mode.method != .clwb) return 0",
    "if (mode.method != .fence) return 0",
  ]],
  ["cache.zig", /\bif \(fenced\)/, ["if (false and fenced)", "if (!fenced)"]],
  ["cache.zig", "!Machine.streams or !lines(mode.method)", [
    "!Machine.streams",
    "!Machine.streams or mode.method == .msync",
  ]],
  ["cache.zig", "mode.method != Machine.methods[0]", ["mode.method == .clflush"]],
  ["cache.zig", "if (mode.method == .msync) {", ["if (false and mode.method == .msync) {"]],
  ["cache.zig", "if (mode.method == method) flushLines", ["if (mode.method == .msync) flushLines"]],
  ["copy.zig", ".msync => false", [".msync => true"]],
  ["copy.zig", ".fence => mode.nontemporal", [".fence => true"]],
  ["copy.zig", "if (destination.start < body.start)", ["if (destination.start > body.start)"]],
  ["copy.zig", "if (body.end < destination.end)", ["if (body.end > destination.end)"]],
  ["copy.zig", "mode.no_drain", [
    "!mode.no_drain",
    "(mode.no_drain or mode.method == .clwb)",
    "(mode.no_drain or mode.method == .fence)",
  ]],
  ["machine.zig", /"clwb \(%\[line\]\)"/, [`""`, `"clwb 64(%[line])"`, `"clwb -64(%[line])"`]],
  ["machine.zig", /"clflushopt \(%\[line\]\)"/, [
    `""`,
    `"clflushopt 64(%[line])"`,
    `"clflushopt -64(%[line])"`,
  ]],
  ["machine.zig", /"clflush \(%\[line\]\)"/, [`""`, `"clflush 64(%[line])"`, `"clflush -64(%[line])"`]],
  ["machine.zig", `"sfence"`, [`""`, `"lfence"`]],
  ["machine.zig", `"movnti `, [`"movq `]],
  ["machine.zig", / movntdq /, [" movups "]],
  ["machine.zig", / vmovntdq (?=%%ymm)/, [" vmovdqu "]],
  ["machine.zig", / vmovntdq (?=%%zmm)/, [" vmovdqu64 "]],
  ["machine.zig", / v?movntdq %%[xyz]mm\d+, +(?:\d+)?\(%\[to\]\)/, [""]],
  ["machine.zig", ': [end] "r" (lines.end)', [`: [end] "r" (lines.end - 64)`]],
  ["machine.zig", "return 64;", ["return 128;", "return 32;"]],
  ["machine.zig", "linux.MSF.SYNC", ["linux.MSF.ASYNC"]],
  ["machine.zig", "pages.len(), linux", ["pages.len() - page_bytes, linux", "1, linux"]],
  ["machine.zig", "pages.start, pages", ["pages.start + page_bytes, pages"]],
  ["machine.zig", "return system.status(system.resumed(.msync", [
    "if (true) return 0; return system.status(system.resumed(.msync",
  ]],
  ["machine.zig", `"sys #3, c7, c12, #1, %[line]"`, [`""`, `"dc cvac, %[line]"`]],
  ["machine.zig", `"dc cvac, %[line]"`, [`""`, `"dc ivac, %[line]"`]],
  ["machine.zig", `"dsb sy"`, [`""`, `"dmb sy"`, `"dsb ld"`]],
  ["machine.zig", "@as(usize, 4) <<", ["@as(usize, 8) <<"]],
  ["mapping.zig", ".SYNC = flags.sync", [".SYNC = false"]],
  ["mapping.zig", ".SHARED_VALIDATE", [".SHARED"]],
  ["file.zig", ".fdatasync else .fsync", [".fdatasync else .fdatasync"]],
  ["file.zig", "resumed(if (data_only) .fdatasync else .fsync", [
    "resumed(if (data_only) .getpid else .getpid",
  ]],
  ["root.zig", "data_only != 0", ["data_only != 2", "data_only == 2"]],
  ["range.zig", "(range.end + (block_bytes - 1))", ["range.end"]],
  ["range.zig", "(range.start + (block_bytes - 1))", ["range.start"]],
  ["cpu.zig", /\.(?:clwb|clflushopt|clflush|msync|cvap|cvac)\b/, [".fence"]],
];

/** Assembly that neither stores nor flushes nor orders. */
const harmlessAssembly = /vzeroupper|cpuid|xgetbv|mrs |syscall|svc |cvttsd2si|fcvtzs/;

/** Files that are no part of the library. */
const apart = new Set(["build.zig", "fixture.zig", "recorder.zig"]);

/** The sites of the library's sources. */
export function zigSites(sources: ReadonlyMap<string, string>): ZigSite[] {
  const stale = texts.filter(([file, from]) => !patternOf(from).test(library(sources.get(file) ?? "")));
  if (stale.length > 0) {
    throw new Error(`Not there any more, mend zig_sites.ts: ${stale.map(([, from]) => from).join("; ")}`);
  }
  return Array.from(sources, ([file, source]) => apart.has(file) ? [] : inFile(file, source)).flat();
}

/** A source without its tests, which are at its end. */
function library(source: string): string {
  return source.slice(0, /^(?:test\b|const (?:fixture|recorder|testing) =)/m.exec(source)?.index);
}

function inFile(file: string, source: string): ZigSite[] {
  const code = library(source), masked = maskZig(code);
  const sites: ZigSite[] = [];
  const covered: [number, number][] = [];
  const add = (start: number, end: number, others: Readonly<Record<string, string>>) => {
    covered.push([start, end]);
    const mutants = Object.entries(others).filter(([, text]) => text !== source.slice(start, end)).map((
      [operator, text],
    ) => ({
      operator,
      source: source.slice(0, start) + text + source.slice(end),
    }));
    sites.push({ file: `zig/${file}`, line: lineOf(source, start), text: source.slice(start, end), mutants });
  };
  for (const { 0: text, 1: name, index } of masked.matchAll(kinds)) {
    if (/\bfn $/.test(masked.slice(0, index))) continue;
    const call = calls[name!];
    if (call === undefined) {
      throw new Error(`zig/${file}:${lineOf(source, index)}: ${name} is new: say in zig_sites.ts what it is`);
    }
    const open = index + text.length - 1, end = closing(masked, open);
    const site = { name: name!, parameters: parametersOf(code, masked, open), index, end };
    add(index, end, others(call, site));
    const swapped = hoisted(source, masked, index, end);
    if (swapped !== undefined) {
      (sites.at(-1)!.mutants as { operator: string; source: string }[]).push({
        operator: "hoist",
        source: swapped,
      });
    }
  }
  for (const [of, from, to] of texts) {
    if (of !== file) continue;
    for (
      const { 0: text, index } of code.matchAll(
        patternOf(from),
      )
    ) {
      const isComment = masked.slice(index, index + text.length).trim() === "" &&
        !/^\s*\\\\/m.test(lineAt(code, index));
      if (isComment && !text.startsWith('"')) continue;
      add(
        index,
        index + text.length,
        Object.fromEntries(to.map((text) => [text === "" || text === '""' ? "drop" : text.trim(), text])),
      );
    }
  }
  checkAssembly(file, code, masked, covered);
  return sites;
}

function others(
  call: Call,
  { name, parameters }: { name: string; parameters: string[] },
): Record<string, string> {
  const helper = (name: string, ...parameters: unknown[]) =>
    `@import("mutant.zig").${name}(${parameters.join(", ")})`;
  const out: Record<string, string> = { drop: helper(call.dropped, ...parameters) };
  const put = (at: number, text: string) => `${name}(${parameters.with(at, text).join(", ")})`;
  if (call.range !== undefined) {
    const range = parameters[call.range]!;
    for (const by of call.by ?? [1, 8, 64]) {
      out[`narrow by ${by} at the head`] = put(call.range, helper("head", range, by));
      out[`narrow by ${by} at the tail`] = put(call.range, helper("tail", range, by));
    }
    if (call.by === undefined) {
      out["skip the last line"] = put(call.range, helper("lines", range));
      for (const by of [64, -64]) out[`misalign by ${by}`] = put(call.range, helper("shift", range, by));
    }
  }
  for (const at of call.addresses ?? []) {
    for (const by of [64, -64]) {
      out[`parameter ${at} misaligned by ${by}`] = put(
        at,
        `${parameters[at]} +% ${by < 0 ? `(0 -% @as(usize, ${-by}))` : by}`,
      );
    }
  }
  for (const [operator, text] of Object.entries(call.instead ?? {})) out[operator] = text(parameters);
  return out;
}

function checkAssembly(
  file: string,
  code: string,
  masked: string,
  covered: readonly [number, number][],
): void {
  for (const { index } of masked.matchAll(/\basm\b/g)) {
    const end = closing(masked, masked.indexOf("(", index));
    if (covered.some(([start, stop]) => start < end && stop > index)) continue;
    const text = code.slice(index, end);
    if (harmlessAssembly.test(text) || /instructions\(width\)/.test(text)) continue;
    throw new Error(
      `zig/${file}:${lineOf(code, index)}: this assembly is new: say in zig_sites.ts what it does`,
    );
  }
}

function lineAt(text: string, offset: number): string {
  return text.slice(text.lastIndexOf("\n", offset - 1) + 1, text.indexOf("\n", offset));
}

function patternOf(text: string | RegExp): RegExp {
  return new RegExp(
    typeof text === "string" ? text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") : text.source,
    "g",
  );
}
