/** Source text without what is no code: comments and the inside of strings become spaces, so that every offset stays. */

/** Where a regular expression may begin: after these, a slash is no division. */
const beforePattern = /(?:^|[(,=:[!&|?{};+]|\breturn)\s*$/;

/** Masks TypeScript. */
export function maskTypeScript(source: string): string {
  const out = [...source.split("")];
  const blank = (start: number, end: number) => {
    for (let i = start; i < end; i++) if (out[i] !== "\n") out[i] = " ";
  };
  /** From inside a template to its end; gives the offset after it. */
  const template = (from: number): number => {
    for (let i = from; i < source.length; i++) {
      if (source[i] === "\\") blank(i, ++i + 1);
      else if (source[i] === "`") return i + 1;
      else if (source.startsWith("${", i)) i = code(i + 2, "}") - 1;
      else blank(i, i + 1);
    }
    return source.length;
  };
  /** From the beginning of code to the bracket that ends it. */
  const code = (from: number, until: string): number => {
    let depth = 0;
    for (let i = from; i < source.length; i++) {
      const end = skipped(source, i);
      if (end > i) {
        const isText = `"'/`.includes(source[i]!) && !/^\/[/*]/.test(source.slice(i, i + 2));
        blank(isText ? i + 1 : i, isText ? end - 1 : end);
        i = end - 1;
      } else if (source[i] === "`") i = template(i + 1) - 1;
      else if (source[i] === "{") depth++;
      else if (source[i] === "}" && depth-- === 0 && until === "}") return i + 1;
    }
    return source.length;
  };
  code(0, "");
  return out.join("");
}

/** Masks Zig, whose strings have no other code in them and whose comments have one form. */
export function maskZig(source: string): string {
  return source.replace(
    /\/\/.*|\\\\.*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g,
    (found) =>
      /^["']/.test(found) ? found[0] + " ".repeat(found.length - 2) + found[0] : " ".repeat(found.length),
  );
}

/** The end of the comment, string or pattern that begins here; the offset itself if none does. */
function skipped(source: string, at: number): number {
  const here = source.slice(at, at + 2);
  if (here === "//") return endOf(source, "\n", at);
  if (here === "/*") return endOf(source, "*/", at) + 2;
  const quote = source[at]!;
  const isPattern = quote === "/" && beforePattern.test(source.slice(Math.max(0, at - 80), at));
  if (quote !== '"' && quote !== "'" && !isPattern) return at;
  let inClass = false;
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === "[") inClass = true;
    else if (source[i] === "]") inClass = false;
    else if (source[i] === quote && !(isPattern && inClass)) return i + 1;
  }
  return source.length;
}

function endOf(source: string, what: string, from: number): number {
  const at = source.indexOf(what, from);
  return at < 0 ? source.length : at;
}

/** The number of the line that an offset lies in, from 1. */
export function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}

/** The offset after the bracket that closes the one at `open`, in masked text. */
export function closing(masked: string, open: number): number {
  let depth = 0;
  for (let i = open; i < masked.length; i++) {
    if ("([{".includes(masked[i]!)) depth++;
    else if (")]}".includes(masked[i]!) && --depth === 0) return i + 1;
  }
  throw new Error(`The bracket at ${open} is not closed`);
}

/** The arguments between two brackets, each as it is written. */
export function parametersOf(source: string, masked: string, open: number): string[] {
  const end = closing(masked, open) - 1;
  const out: string[] = [];
  let depth = 0, start = open + 1;
  for (let i = open + 1; i <= end; i++) {
    if (i === end || (masked[i] === "," && depth === 0)) {
      const text = source.slice(start, i).trim();
      if (text !== "") out.push(text);
      start = i + 1;
    } else if ("([{".includes(masked[i]!)) depth++;
    else if (")]}".includes(masked[i]!)) depth--;
  }
  return out;
}

/** Where the statement begins that a place is in. */
export function statementStart(masked: string, place: number): number {
  for (let i = place - 1, depth = 0; i >= 0; i--) {
    if (")]".includes(masked[i]!)) depth++;
    else if ("([".includes(masked[i]!)) depth--;
    else if (depth <= 0 && ";{}".includes(masked[i]!)) return i + 1;
  }
  return 0;
}

/** The source with the statement of a site before the one that precedes it, where that only does something. */
export function hoisted(source: string, masked: string, start: number, end: number): string | undefined {
  const first = statementStart(masked, start), last = masked.indexOf(";", end) + 1;
  if (masked[first - 1] !== ";") return undefined;
  const before = statementStart(masked, first - 1);
  const previous = source.slice(before, first), statement = source.slice(first, last);
  const isStatement = (text: string) => /^\s*(?!else\b|catch\b|while\b)[\w(@]/.test(text);
  if (!isStatement(masked.slice(first, last)) || !isStatement(masked.slice(before, first))) return undefined;
  if (/@branchHint|\breturn\b|\bconst\b|\bvar\b|\bassert\b/.test(masked.slice(before, first))) {
    return undefined;
  }
  const result = /^(\s*(?:\/\/.*\s+)*)return ([^;]*);$/.exec(statement);
  const moved = result ? ` const hoisted = ${result[2]};${previous} return hoisted;` : statement + previous;
  return source.slice(0, before) + moved + source.slice(last);
}
