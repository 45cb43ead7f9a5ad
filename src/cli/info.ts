/**
 * `daxfile info FILE`: what a file is, what it lies on, and where its bytes are.
 *
 * @module
 */

import { DaxError } from "../errors.ts";
import type { Extents } from "../extents.ts";
import { type Probe, probe } from "../probe.ts";
import { counted, inUnits } from "../units.ts";
import type { Command } from "./command.ts";
import { indent, table, wrap } from "./layout.ts";
import type { Terminal } from "./terminal.ts";

/** How many extents are shown; `--json` has all. */
const rowsMax = 20;

/** The command. */
export const info: Command = {
  name: "info",
  operands: ["FILE"],
  summary: "size, file system, device, how it is written back, extents",
  description:
    "Shows what FILE is: its length, what it lies on, how a write to it becomes durable, and its map of " +
    "blocks. Nothing is changed. The exit code is 1 where it cannot be read.",
  run({ operands, json, terminal }) {
    const found = probe(operands[0]!);
    mustBeReadable(found);
    terminal.print(json ? JSON.stringify(found, null, 2) : description(found, terminal));
    return 0;
  },
};

/**
 * Refuses what is no file that can be read.
 *
 * @throws {DaxError} as open would
 */
function mustBeReadable({ path, kind, access, refusal }: Probe): void {
  const fail = (details: { error: DaxError["code"]; reason?: string; hint?: string | undefined }) =>
    new DaxError({ operation: "open", path, ...details });
  if (kind === "directory") {
    throw fail({ error: "EISDIR", hint: "daxfile doctor says what a new file in it would get" });
  }
  if (kind === "missing" && refusal === undefined) {
    throw fail({ error: "ENOENT", hint: "daxfile doctor says what it would get" });
  }
  if (access === "none" && refusal !== undefined) {
    throw fail({ error: refusal.code, reason: refusal.reason, hint: refusal.hint });
  }
}

/** The text for people. */
function description(found: Probe, terminal: Terminal): string {
  const { path, extents, size = 0 } = found;
  const facts = factsOf(found);
  const nameWidth = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value]) =>
    indent(
      wrap(value, terminal.columns - nameWidth - 3),
      `${terminal.style("dim", name.padEnd(nameWidth))}   `,
      " ".repeat(nameWidth + 3),
    )
  );
  const map = extents === undefined || extents.count === 0
    ? []
    : ["", ...extentTable(extents, size, terminal)];
  return [terminal.style("bold", path), "", ...lines, ...map].join("\n");
}

function factsOf(found: Probe): [string, string][] {
  const { kind, size = 0, fileSystem, mount, devices, lock, refusal, dax, mapSync } = found;
  const { granularity, durability, flushMethod, checks, extents, isStatic } = found;
  const known = (value: boolean | undefined) => value === undefined ? "not known" : value ? "yes" : "no";
  const because = (name: string) => checks.find((check) => check.name === name)?.reason;
  const why = (value: string, name: string) =>
    because(name) === undefined ? value : `${value}: ${because(name)}`;
  const survives = durability === "power-loss" ? "survives a power cut" : "does not survive a power cut";
  return [
    ["kind", kind],
    ["size", size < 1024 ? inUnits(size) : `${inUnits(size)} (${size} bytes)`],
    ["file system", mount === undefined ? fileSystem ?? "not known" : `${fileSystem} on ${mount.point}`],
    ["mounted with", mount?.options.filter((option, i, all) => all.indexOf(option) === i).join(",") ?? "–"],
    ["device", devices.map(({ name }) => name).join(", ") || "none"],
    ["lock", lock ?? "not known"],
    ["open()", refusal === undefined ? "succeeds" : `fails: ${refusal.reason} (${refusal.code})`],
    ["DAX", known(dax)],
    ["MAP_SYNC", known(mapSync)],
    ["granularity", granularity === undefined ? "not known" : why(granularity, "granularity")],
    ["flush method", flushMethod ?? "not known"],
    ["durability", durability === undefined ? "not known" : why(survives, "durability")],
    ["static", isStatic ? "yes" : why("no", "static")],
    ["extents", extents === undefined ? why("not known", "allocation") : summary(extents)],
  ];
}

function summary({ count, holeBytes, unwrittenBytes, sharedBytes, delayedBytes }: Extents): string {
  const parts = ([
    [holeBytes, "in holes"],
    [unwrittenBytes, "never written"],
    [sharedBytes, "shared"],
    [delayedBytes, "not yet placed"],
  ] as const).filter(([bytes]) => bytes > 0).map(([bytes, what]) => `${inUnits(bytes)} ${what}`);
  return [count === 0 ? "none" : counted(count, "extent"), ...parts].join(", ");
}

/** The extents and the holes between them, in bytes. */
function extentTable({ runs }: Extents, size: number, terminal: Terminal): string[] {
  const rows: string[][] = [];
  const add = (byteOffset: number, physical: string, byteLength: number, what: string) =>
    rows.push([String(byteOffset), physical, String(byteLength), what]);
  let end = 0;
  for (const { byteOffset, physicalOffset, byteLength, flags } of runs) {
    if (byteOffset > end) add(end, "–", byteOffset - end, "hole");
    const placed = !flags.includes("delayed") && !flags.includes("unknown");
    add(byteOffset, placed ? String(physicalOffset) : "–", byteLength, flags.join(", "));
    end = byteOffset + byteLength;
  }
  if (end < size) add(end, "–", size - end, "hole");
  const [heading, ...lines] = table(
    [["byteOffset", "physical", "byteLength", "flags"], ...rows.slice(0, rowsMax)],
    [0, 1, 2],
  );
  const rest = rows.length - rowsMax;
  return [
    terminal.style("dim", heading!),
    ...lines,
    ...(rest > 0 ? [terminal.style("dim", `… and ${rest} more; --json lists all`)] : []),
  ];
}
