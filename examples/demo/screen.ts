/**
 * The terminal, or whatever the output goes to: lines that stay, and on a terminal one below them that changes.
 *
 * @module
 */

import process from "node:process";
import { styleText } from "node:util";

const { stdout } = process;
const isTerminal = stdout.isTTY === true;
const clearLine = "\r\x1b[2K";

/** Columns to draw in; more than 100 are hard to read across. */
export const columns: number = Math.min(100, (isTerminal && stdout.columns) || 80);

/** A line that stays. */
export function print(text = ""): void {
  stdout.write(`${isTerminal ? clearLine : ""}${text}\n`);
}

/** The line that changes, on a terminal only; shorter than the terminal is wide, else it could not be taken back. */
export function progress(text: string): void {
  if (isTerminal) stdout.write(clearLine + text.slice(0, columns - 1));
}

/** Takes the changing line away. */
export function endProgress(): void {
  if (isTerminal) stdout.write(clearLine);
}

/** In bold where that can be shown and is wanted (NO_COLOR). */
export function bold(text: string): string {
  return styleText("bold", text, { stream: stdout });
}
