/**
 * `daxfile check FILE`: reads all of a log or pool, and says whether it is what was written.
 *
 * @module
 */

import { openFormatted } from "./check_formats.ts";
import type { Command } from "./command.ts";
import { table } from "./layout.ts";

/** The command. */
export const check: Command = {
  name: "check",
  operands: ["FILE"],
  summary: "whether a log or pool is what was written",
  description:
    "Reads everything that FILE holds, a log or a pool, and compares it with its checksums. Nothing is changed, " +
    "and a program may write it meanwhile. What a crash has left unfinished is no damage. The exit code is 1 where " +
    "there is damage, and the message names the place.",
  run({ operands, json, terminal }) {
    const path = operands[0]!, { file, format } = openFormatted(path);
    using _ = file;
    const { facts, json: content, damage } = format.check(file);
    if (json) {
      const place = damage?.byteOffset === undefined ? {} : { byteOffset: damage.byteOffset };
      const found = damage === undefined ? {} : { damage: { ...place, reason: damage.reason } };
      const document = { path, format: format.name, isSound: damage === undefined, ...content, ...found };
      terminal.print(JSON.stringify(document, null, 2));
    } else {
      const rows = facts.map(([name, value]) => [name, value]);
      const verdict = damage === undefined
        ? terminal.style("green", "✓ all of it is what was written")
        : terminal.style("red", `✗ ${damage.reason}`);
      terminal.print([terminal.style("bold", path), "", ...table(rows), "", verdict].join("\n"));
    }
    return damage === undefined ? 0 : 1;
  },
};
