/**
 * Text in columns.
 *
 * @module
 */

/** Breaks a text into lines of at most `width` characters; a longer word, and a `command` in backticks, stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.match(/`[^`]*`\S*|\S+/g) ?? [""]) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Lines with a margin before each, the first one's own. */
export function indent(lines: readonly string[], first: string, rest = " ".repeat(first.length)): string {
  return lines.map((line, index) => `${index === 0 ? first : rest}${line}`).join("\n");
}

/** Rows whose columns are as wide as their widest cell; `right` names the columns that end together. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, cell.length));
  }
  return rows.map((row) =>
    row.map((cell, column) =>
      right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd()
  );
}
