/** What is known of Zig sources without a compiler: their functions, which of them write back, and where those are called. */

import { closing, maskZig, parametersOf } from "./mask.ts";

/** A function of the library. */
export interface ZigFunction {
  readonly file: string;
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
  /** Offsets of the body's brackets. */
  readonly start: number;
  readonly end: number;
  /** Whether it flushes, fences, streams or syncs, itself or by what it calls. */
  writesBack: boolean;
}

/** A call, of a function of the library or of the system. */
export interface ZigCall {
  /** As it is written, with what stands before the point. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly parameters: readonly string[];
  /** Undefined for the system's. */
  readonly callee: ZigFunction | undefined;
}

/** Instructions that write back, order, or go past the caches. */
export const instructions: RegExp =
  /\b(?:clwb|clflushopt|clflush|[sm]fence|movnti|v?movntdq|v?movntp[sd]|dc c(?:vap|vac|ivac)|sys #3, c7, c1[024]|dsb \w+)\b/g;

/** System calls that write back. */
const systemCalls = /\.(?:msync|fsync|fdatasync|sync_file_range|syncfs)\b/;

/** Files that are no part of the library. */
const apart = new Set(["build.zig", "fixture.zig", "recorder.zig"]);

/** A source file of the library. */
export class ZigFile {
  /** Without its tests, which are at the end. */
  readonly code: string;
  readonly masked: string;
  readonly functions: readonly ZigFunction[];
  /** What its names for other files are. */
  readonly #others = new Map<string, string>([["Machine", "machine.zig"]]);

  constructor(readonly name: string, readonly source: string) {
    this.code = source.slice(0, /^(?:test\b|const (?:fixture|recorder|testing) =)/m.exec(source)?.index);
    this.masked = maskZig(this.code);
    this.functions = Array.from(this.masked.matchAll(/\bfn (\w+)\(/g), ({ 0: text, 1: name, index }) => {
      const open = index + text.length - 1, close = closing(this.masked, open);
      const start = this.masked.indexOf("{", close);
      const parameters = parametersOf(this.code, this.masked, open).map((parameter) => {
        const [, name = "", type = ""] = /^(?:comptime )?(\w+): (.*)$/s.exec(parameter) ?? [];
        return { name, type };
      });
      const result = this.masked.slice(close, start).trim();
      const end = closing(this.masked, start);
      return { file: this.name, name: name!, parameters, result, start, end, writesBack: false };
    });
    for (const [, name, file] of this.code.matchAll(/const (\w+) = @import\("(\w+\.zig)"\)/g)) {
      this.#others.set(name!, file!);
    }
    for (const [, name, type] of this.code.matchAll(/const (\w+) = (\w+)(?:\.\w+)?\(/g)) {
      const file = this.#others.get(type!);
      if (file !== undefined) this.#others.set(name!, file);
    }
  }

  /**
   * A function by its name, or by another name for it; of several of one name that with so many parameters, or with one more: its
   * object, which is likelier where something stands before the point.
   */
  named(name: string, count: number, hasObject = false): ZigFunction | undefined {
    const alias = new RegExp(`\\bpub const ${name} = (\\w+);`).exec(this.code)?.[1];
    const own = this.functions.filter((own) => own.name === (alias ?? name));
    const counts = hasObject ? [count + 1, count] : [count, count + 1];
    return counts.map((count) => own.find(({ parameters: { length } }) => length === count))
      .find((found) => found !== undefined) ?? own[0];
  }

  /** The offset after the bracket that closes the one at `open`. */
  closing(open: number): number {
    return closing(this.masked, open);
  }

  /** The innermost function that an offset lies in. */
  functionAt(offset: number): ZigFunction | undefined {
    return this.functions.findLast(({ start, end }) => start <= offset && offset < end);
  }

  /** The instructions of {@linkcode instructions}, which stand in strings. */
  *assembly(): Iterable<{ readonly index: number; readonly name: string }> {
    for (const { 0: name, index } of this.code.matchAll(instructions)) {
      const before = this.code.slice(this.code.lastIndexOf("\n", index) + 1, index);
      if (this.masked[index] === " " && !/^[^"\\]*\/\//.test(before)) yield { index, name };
    }
  }

  /** Every call that may be one of the library's or of the system's writing back. */
  *calls(files: ReadonlyMap<string, ZigFile>): Iterable<ZigCall> {
    for (
      const { 0: text, 1: path = "", 2: last, index } of this.masked.matchAll(/((?:\b\w+\.)*)\b(\w+)\(/g)
    ) {
      if (/(?:\bfn |@)$/.test(this.masked.slice(Math.max(0, index - 3), index))) continue;
      const start = this.#beginning(index), open = index + text.length - 1, end = closing(this.masked, open);
      const name = this.masked.slice(start, open), before = path.slice(0, -1) || /^\w*/.exec(name)![0];
      const call = { name, start, end, parameters: parametersOf(this.code, this.masked, open) };
      const isSystem = /^(?:system\.resumed|resumed|linux\.syscall\d)$/.test(name)
        ? systemCalls.test(call.parameters[0] ?? "")
        : before === "linux" && systemCalls.test(`.${last}`);
      if (isSystem) yield { ...call, callee: undefined };
      else {
        const callee = this.#callee(files, name === last ? "" : before, last!, call.parameters.length);
        if (callee !== undefined) yield { ...call, callee };
      }
    }
  }

  /** Where an expression begins of which the rest is a name behind a point: `commits.Commit(Machine).` */
  #beginning(index: number): number {
    const { masked } = this;
    if (masked[index - 1] !== "." || masked[index - 2] !== ")") return index;
    let at = index - 1, depth = 0;
    do {
      at--;
      if (masked[at] === ")") depth++;
      else if (masked[at] === "(") depth--;
    } while (depth > 0);
    while (/[\w.]/.test(masked[at - 1]!)) at--;
    return at;
  }

  #callee(
    files: ReadonlyMap<string, ZigFile>,
    before: string,
    name: string,
    count: number,
  ): ZigFunction | undefined {
    const other = this.#others.get(before === "" ? name : before);
    if (other !== undefined) return files.get(other)?.named(name, count);
    const found = this.named(name, count, before !== "");
    if (found !== undefined || before === "") return found;
    return Array.from(files.values(), (file) => file.named(name, count)).find((own) => own !== undefined);
  }
}

/** The library's files, with their functions that write back found out. */
export function zigFiles(sources: ReadonlyMap<string, string>): Map<string, ZigFile> {
  const files = new Map(
    Array.from(sources).filter(([name]) => !apart.has(name)).map((
      [name, source],
    ) => [name, new ZigFile(name, source)]),
  );
  const edges: [ZigFunction, ZigFunction][] = [];
  for (const file of files.values()) {
    for (const { index } of file.assembly()) {
      const within = file.functionAt(index);
      if (within !== undefined) within.writesBack = true;
    }
    for (const { start, callee } of file.calls(files)) {
      const within = file.functionAt(start);
      if (within === undefined) continue;
      if (callee === undefined) within.writesBack = true;
      else edges.push([within, callee]);
    }
  }
  for (let before = -1, now = 0; before !== now;) {
    before = now;
    for (const [caller, callee] of edges) if (callee.writesBack) caller.writesBack = true;
    now = edges.filter(([caller]) => caller.writesBack).length;
  }
  return files;
}
