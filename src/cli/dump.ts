/**
 * `daxfile dump FILE`: what a log or pool holds.
 *
 * @module
 */

import { CorruptionError } from "../../mod.ts";
import { openFormatted } from "./check_formats.ts";
import type { Command } from "./command.ts";

/** The command. */
export const dump: Command = {
  name: "dump",
  operands: ["FILE"],
  summary: "what a log or pool holds",
  description:
    "Shows what FILE holds, a log or a pool: of a log every record, with its number, its place and its bytes, as text where " +
    "they are text and else in hexadecimal; of a pool the records in its slots, and the data, 16 bytes a line without the lines of " +
    "zeros. Nothing is changed, and a program may write it meanwhile. Where " +
    "there is damage, what comes before it is shown, and the exit code is 1.",
  run({ operands, json, terminal }) {
    const path = operands[0]!, { file, format } = openFormatted(path);
    using _ = file;
    const dumped = format.dump(file, terminal);
    if (json) {
      const { content, damage } = dumped.json();
      terminal.print(JSON.stringify({ path, format: format.name, ...content }, null, 2));
      if (damage !== undefined) throw damage;
      return 0;
    }
    try {
      for (const line of dumped.lines) terminal.print(line);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      terminal.complain(`daxfile: ${error.message}`);
      return 1;
    }
    return 0;
  },
};
