/**
 * Where a command writes, and how wide and colourful that is. No permission of Deno's is needed.
 *
 * @module
 */

import { noColor } from "../../ffi/library.ts";
import process from "node:process";
import { styleText } from "node:util";

/** A colour or weight. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Where a command writes. */
export interface Terminal {
  /** Columns of a line: those of the terminal, from 60 to 100; 80 where there is none. */
  readonly columns: number;
  /** To standard output; a newline is added. */
  print(text: string): void;
  /** To standard error; a newline is added. */
  complain(text: string): void;
  /** The text in a style; as it is where the output is no terminal or NO_COLOR is set. */
  style(style: Style, text: string): string;
}

/** The terminal of this process. */
export function terminal(): Terminal {
  const { stdout, stderr } = process;
  const colours = stdout.isTTY && !noColor();
  const width = stdout.columns || 80;
  // A reader that has seen enough (`| head`) is no error
  stdout.on("error", (error: { code?: string }) => {
    if (error.code !== "EPIPE") throw error;
  });
  return {
    columns: Math.max(60, Math.min(100, width)),
    print: (text) => void stdout.write(`${text}\n`),
    complain: (text) => void stderr.write(`${text}\n`),
    // Whether to validate the stream is decided above: Deno would ask for the environment
    style: (style, text) => colours ? styleText(style, text, { validateStream: false }) : text,
  };
}
