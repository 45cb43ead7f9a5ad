/**
 * What `daxfile check` and `daxfile dump` say of a pool.
 *
 * @module
 */

import { CorruptionError, type DaxFile } from "../../mod.ts";
import { Area } from "../transaction/area.ts";
import { type Header, readHeader } from "../transaction/header.ts";
import { version } from "../transaction/layout.ts";
import { readSlots, type SlotRecord, type Slots } from "../transaction/slots.ts";
import { counted, inUnits } from "../units.ts";
import type { Checked, Dumped } from "./check_formats.ts";
import type { Terminal } from "./terminal.ts";

/** How often the slots are read before they count as damaged: a program may write them meanwhile. */
const attempts = 4;

/** The bytes of a line of data. */
const rowBytes = 16;

function slotsOf(file: DaxFile, header: Header): Slots {
  for (let attempt = 1;; attempt++) {
    try {
      return readSlots(file, header);
    } catch (error) {
      if (attempt === attempts || !(error instanceof CorruptionError)) throw error;
    }
  }
}

/** Reads the header, the slots and what they speak of. The data have no checksum. */
export function checkPool(file: DaxFile): Checked {
  const header = readHeader(file, false), { geometry, layout } = header;
  let slots: Slots | undefined, damage: CorruptionError | undefined;
  try {
    slots = slotsOf(file, header);
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    damage = error;
  }
  const { dataOffset, dataLength, slotBytes, overflowBytes } = geometry;
  const pending = slots?.pending.length ?? 0;
  const state = slots === undefined
    ? "not known"
    : pending === 0
    ? "all of it in its place"
    : `${counted(pending, "commit")} stored in place again at the next open: it is open, or was not closed`;
  return {
    facts: [
      ["format", `pool, version ${version}`],
      ["layout", layout === "" ? "none" : JSON.stringify(layout)],
      ["data", `${inUnits(dataLength)} from byteOffset ${dataOffset}, without a checksum`],
      [
        "one fence",
        `up to ${inUnits(slotBytes - 16)} in a transaction; at most ${inUnits(overflowBytes - 16)}`,
      ],
      ["last commit", slots === undefined ? "not known" : String(slots.sequence)],
      ["state", state],
    ],
    json: {
      version,
      layout,
      ...geometry,
      ...(slots === undefined ? {} : { sequence: slots.sequence, mark: slots.mark, pending }),
    },
    damage,
  };
}

/** Shows the records of a pool's slots, and its data as the next open will find them. */
export function dumpPool(file: DaxFile, terminal: Terminal): Dumped {
  const header = readHeader(file, false), slots = slotsOf(file, header);
  // The file is open to be read: what is stored stays in this process
  const area = new Area(file, header.geometry);
  for (const { entries } of slots.pending) {
    for (const { byteOffset, bytes } of entries) area.store(byteOffset, bytes);
  }
  return {
    lines: linesOf(slots, area, terminal),
    json: () => {
      const { layout, geometry: { dataOffset, dataLength } } = header;
      const records = slots.records.flat().map((record) => ({
        sequence: record.sequence,
        byteOffset: record.byteOffset,
        byteLength: record.payload.length,
        kind: record.kind,
        isPending: isPending(slots, record),
      }));
      const data = Array.from(rowsOf(area), ({ byteOffset, bytes }) => ({ byteOffset, hex: hexOf(bytes) }));
      const content = { version, layout, dataOffset, dataLength, sequence: slots.sequence, records, data };
      return { content, damage: undefined };
    },
  };
}

function isPending({ pending }: Slots, { sequence }: SlotRecord): boolean {
  return pending.some((commit) => commit.sequence === sequence);
}

function* linesOf(slots: Slots, area: Area, { style }: Terminal): Generator<string, void, undefined> {
  yield style("dim", "  commit  byteOffset  byteLength  record");
  for (const record of slots.records.flat().sort((a, b) => a.sequence - b.sequence)) {
    const { sequence, byteOffset, payload, kind } = record;
    const what = {
      settled: "all in place",
      writes: "writes",
      overflow: "writes, in the overflow area",
    }[kind];
    const place = `${String(byteOffset).padStart(10)}  ${String(payload.length).padStart(10)}`;
    yield `${String(sequence).padStart(8)}  ${place}  ${what}${
      isPending(slots, record) ? ", to be stored in place again" : ""
    }`;
  }
  yield "";
  yield style("dim", "data offset  bytes");
  for (const { byteOffset, bytes } of rowsOf(area)) {
    const hex = hexOf(bytes).replaceAll(/(.{8})(?=.)/g, "$1 ");
    const text = String.fromCharCode(...bytes).replaceAll(/[^ -~]/g, ".");
    yield `${String(byteOffset).padStart(11)}  ${hex.padEnd(rowBytes * 2 + 3)}  ${text}`;
  }
}

/** The lines of data that are not all zeros; offsets as transactions count them. */
function* rowsOf(area: Area): Generator<{ byteOffset: number; bytes: Uint8Array }, void, undefined> {
  const stepBytes = 2 ** 16;
  for (let start = 0; start < area.byteLength; start += stepBytes) {
    const bytes = area.copy(start, Math.min(stepBytes, area.byteLength - start));
    for (let at = 0; at < bytes.length; at += rowBytes) {
      const row = bytes.subarray(at, at + rowBytes);
      if (row.some((byte) => byte !== 0)) yield { byteOffset: start + at, bytes: row };
    }
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
