/**
 * The places in Zig where something is flushed, fenced, streamed or synced, and what can be put there: every call of a function that
 * does, every condition in one, every instruction, and a few values that decide how.
 */

import { hoisted, lineOf, statementStart } from "./mask.ts";
import { type ZigCall, type ZigFile, zigFiles } from "./zig_source.ts";

/** A place in a source file, with texts of the whole file in which something else stands there. */
export interface ZigSite {
  /** Its name in zig/. */
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly mutants: readonly { readonly operator: string; readonly source: string }[];
  /**
   * The file with a program's end here: who runs it comes here. And with that before the statement that this is in: what the compiler
   * evaluates can be no end itself.
   */
  readonly traps: readonly string[];
}

type Edit = readonly [operator: string, text: string];

/** What a call answers that is not made. */
const answers: Readonly<Record<string, string>> = {
  void: "{}",
  bool: "false",
  i32: "@as(i32, 0)",
  usize: "@as(usize, 0)",
};

/** What a function answers that only puts assembly together: its instructions are sites themselves. */
const text = "[]const u8";

const lineBytes = 64;

/** Weaker instructions, and other lines for those that name one. */
const weaker: readonly (readonly [instruction: RegExp, others: readonly string[]])[] = [
  [/^(clwb|clflush|clflushopt) \(/, [`$1 ${lineBytes}(`, `$1 -${lineBytes}(`]],
  [/^[sm]fence/, ["lfence"]],
  [/^movnti/, ["movq"]],
  [/^movntdq/, ["movups"]],
  [/^vmovntdq (?=%%ymm)/, ["vmovdqu "]],
  [/^vmovntdq (?=%%zmm)/, ["vmovdqu64 "]],
  [/^sys #3, c7, c12, #1/, ["dc cvac"]],
  [/^dc cvac/, ["dc ivac"]],
  [/^dsb sy/, ["dmb sy", "dsb ld"]],
];

/** Values that decide what is written back, and how; one that is not there any more is an error. */
const values: readonly (readonly [file: string, from: RegExp, to: readonly string[]])[] = [
  ["cache.zig", /range\.start & ~\(line_bytes - 1\)/g, ["range.start", "range.start | (line_bytes - 1)"]],
  ["mode.zig", /(?<=\.msync => )false/g, ["true"]],
  ["mode.zig", /(?<=\.fence => )mode\.nontemporal/g, ["true"]],
  ["machine.zig", /return 64;/g, ["return 128;", "return 32;"]],
  ["machine.zig", /\bMSF\.SYNC\b/g, ["MSF.ASYNC"]],
  ["machine.zig", /@as\(usize, 4\) <</g, ["@as(usize, 8) <<"]],
  ["mapping.zig", /(?<=\.SYNC = )flags\.sync/g, ["false"]],
  ["mapping.zig", /\.SHARED_VALIDATE/g, [".SHARED"]],
  ["file.zig", /(?<=\.fdatasync else )\.fsync/g, [".fdatasync"]],
  ["root.zig", /data_only != 0/g, ["data_only != 2", "data_only == 2"]],
  ["range.zig", /\(range\.(?:end|start) \+ \(block_bytes - 1\)\)/g, ["range.end", "range.start"]],
  ["cpu.zig", /\.(?:clwb|clflushopt|clflush|msync|cvap|cvac)\b/g, [".fence"]],
];

/** Assembly that neither stores nor flushes nor orders. */
const harmless =
  /vzeroupper|cpuid|xgetbv|mrs |syscall|svc |cvttsd2si|fcvtzs|crc32|pclmulqdq|instructions\(width\)/;

/** The sites of the library's sources. */
export function zigSites(sources: ReadonlyMap<string, string>): ZigSite[] {
  const files = zigFiles(sources);
  return Array.from(files.values(), (file) =>
    [
      ...callSites(file, files),
      ...conditionSites(file),
      ...instructionSites(file),
      ...valueSites(file),
    ].sort((a, b) => a.line - b.line)).flat();
}

function site(file: ZigFile, start: number, end: number, edits: readonly Edit[]): ZigSite {
  const text = file.source.slice(start, end), around = [file.source.slice(0, start), file.source.slice(end)];
  const mutants = edits.filter(([, other]) => other !== text)
    .map(([operator, other]) => ({ operator, source: around.join(other) }));
  const statement = statementStart(file.masked, start);
  const traps = [
    around.join(`(if (true) @trap() else ${text})`),
    `${file.source.slice(0, statement)} if (true) @trap();${file.source.slice(statement)}`,
  ];
  return {
    file: file.name,
    line: lineOf(file.source, start),
    text: text.replace(/\s+/g, " "),
    mutants,
    traps,
  };
}

function callSites(file: ZigFile, files: ReadonlyMap<string, ZigFile>): ZigSite[] {
  return Array.from(file.calls(files)).flatMap((call) => {
    const { start, end, callee } = call;
    const isSite = callee === undefined || (callee.writesBack && callee.result !== text);
    if (!isSite) return [];
    const place = `zig/${file.name}:${lineOf(file.source, start)}`;
    if (file.functionAt(start) === undefined) throw new Error(`${place}: this call is in no function`);
    if (callee !== undefined && !(callee.result in answers)) {
      throw new Error(`${place}: say in zig_sites.ts what ${callee.name} answers when it is not called`);
    }
    const made = site(file, start, end, [...weakened(file, files, call)]);
    const source = hoisted(file.source, file.masked, start, end);
    return [
      source === undefined ? made : { ...made, mutants: [...made.mutants, { operator: "hoist", source }] },
    ];
  });
}

function* weakened(
  file: ZigFile,
  files: ReadonlyMap<string, ZigFile>,
  { name, start, end, parameters, callee }: ZigCall,
): Iterable<Edit> {
  // What is never taken is not compiled, and its parameters count as used
  yield ["drop", `(if (false) ${file.source.slice(start, end)} else ${answers[callee?.result ?? "usize"]})`];
  if (callee === undefined) return;
  const put = (at: number, text: string) => `${name}(${parameters.with(at, text).join(", ")})`;
  const helped = (at: number, helper: string, ...more: readonly (string | number)[]) =>
    put(at, `@import("mutant.zig").${helper}(${[parameters[at], ...more].join(", ")})`);
  // The object stands before the point
  const given = callee.parameters.slice(callee.parameters.length === parameters.length + 1 ? 1 : 0);
  const ranges = given.filter(({ type }) => type === "Range").length;
  for (const [at, { name: role, type }] of given.entries()) {
    if (type === "Range" && ranges === 1) {
      for (const by of [1, lineBytes]) {
        yield [`narrow by ${by} at the head`, helped(at, "head", by)];
        yield [`narrow by ${by} at the tail`, helped(at, "tail", by)];
      }
      yield ["skip the last line", helped(at, "lines")];
      for (const by of [lineBytes, -lineBytes]) yield [`misalign by ${by}`, helped(at, "shift", by)];
    } else if (type === "usize" && /^(?:start|end|line|address)$/.test(role)) {
      for (const sign of ["+", "-"]) {
        yield [
          `${role} misaligned by ${sign}${lineBytes}`,
          put(at, `${parameters[at]} ${sign}% ${lineBytes}`),
        ];
      }
    } else if (type === "bool" && role === "fenced") {
      if (parameters[at] !== "false") yield ["without the fence", put(at, "false")];
    } else if (type === "Mode") {
      yield ["only a fence", helped(at, "fenced")];
      if (files.get(callee.file)!.code.includes("no_drain")) {
        yield ["leave the fence to others", helped(at, "unfenced")];
      }
    }
  }
  if (/\bpersist$/.test(name)) {
    yield ["flush in its place", `${name.replace(/persist$/, "flush")}(${parameters.join(", ")})`];
  }
  if (callee.name === "streamWord") {
    yield ["an ordinary store", `${name.replace(/stream/, "store")}(${parameters.join(", ")})`];
  }
}

/** The conditions in functions that write back, of branches and of loops: each of them always so, and never. */
function conditionSites(file: ZigFile): ZigSite[] {
  return Array.from(file.masked.matchAll(/\b(if|while) \(/g)).flatMap(({ 0: text, 1: kind, index }) => {
    const start = index + text.length, end = file.closing(start - 1) - 1;
    if (!file.functionAt(index)?.writesBack) return [];
    const condition = file.source.slice(start, end);
    if (/^\)\s*\|/.test(file.masked.slice(end))) {
      // What is caught is only there where the condition holds, and to say that it always does is no program
      const never = `@as(@TypeOf(${condition}), if (false) ${condition} else null)`;
      return [site(file, start, end, [["never", never]])];
    }
    const never: Edit = ["never", `false and (${condition})`];
    return [
      site(file, start, end, kind === "while" ? [never] : [never, ["always", `true or (${condition})`]]),
    ];
  });
}

function instructionSites(file: ZigFile): ZigSite[] {
  const sites: ZigSite[] = [], found: number[] = [];
  for (const { index } of file.assembly()) {
    found.push(index);
    const rest = file.code.slice(index, file.code.indexOf("\n", index));
    const end = index + /^[^"\n]*/.exec(rest)![0].length, text = file.code.slice(index, end);
    const others = weaker.find(([instruction]) => instruction.test(text)) ?? [/$^/, []];
    const edits = others[1].map((other) => text.replace(others[0], other)).map((
      other,
    ): Edit => [other, other]);
    sites.push(site(file, index, end, [["drop", ""], ...edits]));
  }
  for (const { index } of file.masked.matchAll(/\basm\b/g)) {
    const end = file.closing(file.masked.indexOf("(", index));
    if (found.some((at) => index < at && at < end) || harmless.test(file.code.slice(index, end))) continue;
    throw new Error(
      `zig/${file.name}:${lineOf(file.code, index)}: this assembly is new: say in zig_sites.ts what it does`,
    );
  }
  return sites;
}

function valueSites(file: ZigFile): ZigSite[] {
  return values.filter(([name]) => name === file.name).flatMap(([, from, to]) => {
    const sites = Array.from(file.code.matchAll(from)).filter(({ index }) => file.masked[index] !== " ")
      .map(({ 0: { length }, index }) =>
        site(file, index, index + length, to.map((text): Edit => [text, text]))
      );
    if (sites.length === 0) {
      throw new Error(`zig/${file.name}: ${from} is not there any more: mend zig_sites.ts`);
    }
    return sites;
  });
}
