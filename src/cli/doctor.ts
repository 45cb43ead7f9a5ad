/**
 * `daxfile doctor PATH`: what open would get there, line by line, why not more, and the remedy.
 *
 * @module
 */

import type { Check } from "../check.ts";
import { type Probe, probe } from "../probe.ts";
import type { Command } from "./command.ts";
import { indent, wrap } from "./layout.ts";
import type { Style, Terminal } from "./terminal.ts";

/** The command. */
export const doctor: Command = {
  name: "doctor",
  operands: ["PATH"],
  summary: "what open() would get, why not more, the remedy",
  description:
    "Says what open() would get at PATH: a file, a directory (a new file in it), a file that does not exist " +
    "yet, or a device-dax. Nothing is changed there. ✓ is had, ✗ is not (with the reason, and after the arrow the " +
    "remedy), – does not apply or cannot be known. The exit code is 0 where open() would succeed, however slow " +
    "or unsafe the file is, and 1 where it would throw.",
  run({ operands, json, terminal }) {
    const found = probe(operands[0]!);
    terminal.print(json ? JSON.stringify(found, null, 2) : report(found, terminal));
    return found.refusal === undefined ? 0 : 1;
  },
};

/** The text for people. */
export function report(found: Probe, terminal: Terminal): string {
  const { checks, path, refusal } = found;
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map((check) => {
    const fatal = refusal !== undefined && (check.name === "open" || check.name === "lock");
    return line(check, fatal, nameWidth, terminal);
  });
  const sentence = indent(wrap(verdict(found), terminal.columns), "");
  return [
    terminal.style("bold", subject(found)),
    "",
    ...lines,
    "",
    terminal.style(refusal === undefined ? "bold" : "red", sentence),
  ].join("\n");

  function subject({ kind }: Probe): string {
    if (kind === "directory") return `A new file in ${path}`;
    return kind === "missing" ? `${path}, which does not exist yet` : path;
  }
}

function line(check: Check, fatal: boolean, nameWidth: number, terminal: Terminal): string {
  const { name, ok, value, reason, remedy } = check;
  const [symbol, style]: [string, Style] = ok === null
    ? ["–", "dim"]
    : ok
    ? ["✓", "green"]
    : ["✗", fatal ? "red" : "yellow"];
  const margin = nameWidth + 5;
  const width = terminal.columns - margin;
  const first = `${terminal.style(style, symbol)} ${name.padEnd(nameWidth)}   `;
  const text = indent(
    wrap(reason === undefined ? value : `${value}: ${reason}`, width),
    first,
    " ".repeat(margin),
  );
  if (remedy === undefined) return text;
  const arrow = indent(wrap(remedy, width - 2), `${" ".repeat(margin)}→ `);
  return `${text}\n${terminal.style("cyan", arrow)}`;
}

/** The whole in one sentence. */
export function verdict(found: Probe): string {
  const { refusal, granularity, durability, flushMethod, forcedGranularity, access } = found;
  if (refusal !== undefined) {
    const read = access !== "read"
      ? ""
      : found.isStatic
      ? " With static: true or readOnly: true it succeeds."
      : " With readOnly: true it succeeds.";
    return `open() fails here: ${refusal.reason} (${refusal.code}).${read}`;
  }
  if (granularity === undefined) {
    return "open() can make a file here; what it gets can only be told once there is one.";
  }
  const persist = flushMethod === "msync"
    ? "one msync"
    : flushMethod === "fence only"
    ? "one fence"
    : `${flushMethod} and a fence, no system call`;
  const survives = durability === "power-loss"
    ? "and survives a power cut"
    : "but does not survive a power cut";
  const forced = forcedGranularity === undefined ? "" : " (forced)";
  return `open() gives ${granularity} granularity here${forced}: persist is ${persist}, ${survives}.`;
}
