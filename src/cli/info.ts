/**
 * `daxfile info FILE`: what a file is, what it lies on, and where its bytes are.
 *
 * @module
 */

import { DaxError } from "../errors.ts";
import type { Extents } from "../extents.ts";
import { hugeBytes, isCongruent, touch, wereUsed } from "../huge_pages.ts";
import { type Probe, probe } from "../probe.ts";
import { counted, inUnits } from "../units.ts";
import type { Command } from "./command.ts";
import { indent, table, wrap } from "./layout.ts";
import { strip } from "./strip.ts";
import type { Terminal } from "./terminal.ts";

/** How many extents are shown; `--json` has all. */
const rowsMax = 20;

/** Up to this length, in bytes, a file with DAX is read to see which pages it is mapped in. */
const touchedMax = 2 ** 26;

/** The command. */
export const info: Command = {
  name: "info",
  operands: ["FILE"],
  summary: "size, file system, device, write-back, extents",
  description:
    "Shows what FILE is: its length, what it lies on, how a write to it becomes durable, and its map of " +
    "blocks. A file with DAX is read, if all of it was written and it has no more than 64 MiB, and the page faults are counted: pages of 2 MiB " +
    "take one each. Nothing is changed. The exit code is 1 where it cannot be read.",
  options: { touch: { type: "boolean", summary: "read the file and count the faults, however large it is" } },
  run({ operands, options, json, terminal }) {
    const found = probe(operands[0]!);
    mustBeReadable(found);
    const faults = faultsOf(found, options["touch"] === true);
    const whole = faults === undefined ? found : { ...found, faults };
    terminal.print(json ? JSON.stringify(whole, null, 2) : description(whole, terminal));
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

/** How many page faults it took to read the file; undefined where it was not read. */
function faultsOf({ path, dax, size = 0, kind, extents }: Probe, wanted: boolean): number | undefined {
  if (kind !== "file" || size === 0 || !(wanted || (dax && size <= touchedMax))) return undefined;
  // What was never written is read from a page of zeros, which says nothing of its blocks
  if (extents === undefined || extents.holeBytes > 0 || extents.unwrittenBytes > 0) return undefined;
  const faults = touch(path, size);
  return faults < 0 ? undefined : faults;
}

/** The text for people. */
function description(found: Probe & { readonly faults?: number }, terminal: Terminal): string {
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
    : [...extentStrip(found, terminal), "", ...extentTable(extents, size, terminal)];
  return [terminal.style("bold", path), "", ...lines, ...map].join("\n");
}

function factsOf(found: Probe & { readonly faults?: number }): [string, string][] {
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
    ...hugeFacts(found),
  ];
}

function hugeFacts(
  { hugePages, faults, size = 0 }: Probe & { readonly faults?: number },
): [string, string][] {
  const possible = hugePages === undefined
    ? []
    : hugePages.unknown !== undefined
    ? [`not known: ${hugePages.unknown}`]
    : hugePages.total === 0
    ? ["none possible: the file has less than 2 MiB"]
    : [`${hugePages.possible} of ${hugePages.total} possible`];
  const used = hugePages === undefined || hugePages.possible === 0 || faults === undefined
    ? ""
    : wereUsed(faults, hugePages, size)
    ? ", so they are used"
    : ", so they are not used";
  const counted = faults === undefined ? [] : [`reading all of it took some ${faults} page faults${used}`];
  const text = [...possible, ...counted].join("; ");
  return text === "" ? [] : [["2 MiB pages", text]];
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

/** The map as a strip, and what its characters mean. */
function extentStrip({ extents, size = 0, hugePages }: Probe, terminal: Terminal): string[] {
  if (extents === undefined || size === 0) return [];
  const base = hugePages?.base;
  const { line, legend } = strip(
    extents.runs,
    size,
    terminal.columns,
    ({ byteOffset, physicalOffset: physical }) =>
      base !== undefined && size >= hugeBytes && !isCongruent({ byteOffset, physical }, base),
  );
  const meaning = legend.map(([symbol, words]) => `${symbol} ${words}`).join("   ");
  return ["", line, ...wrap(meaning, terminal.columns).map((words) => terminal.style("dim", words))];
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
