/**
 * What `daxfile check` and `daxfile dump` say of a log.
 *
 * @module
 */

import { CorruptionError, type DaxFile } from "../../mod.ts";
import type { Frames } from "../log/frames.ts";
import { readHeader } from "../log/header.ts";
import { version } from "../log/layout.ts";
import { openLog } from "../log/mod.ts";
import { type FoundRecord, recordsOf } from "../log/records.ts";
import { readState } from "../log/state.ts";
import { counted, inUnits } from "../units.ts";
import type { Checked, Dumped } from "./check_formats.ts";
import type { Terminal } from "./terminal.ts";

/** The records one after the other; what ends them early is kept. */
class Walk {
  readonly #frames: Frames;
  readonly base: number;
  readonly length: number;
  readonly freeBytes: number;
  damage: CorruptionError | undefined;

  constructor(file: DaxFile) {
    this.#frames = readHeader(file, false);
    const log = openLog(file, { readOnly: true });
    this.freeBytes = log.freeBytes;
    // Both of one moment: a program that writes it may clear it in between
    let base: number, length: number;
    do {
      base = readState(this.#frames).base;
      length = log.length;
    } while (readState(this.#frames).base !== base);
    this.base = base;
    this.length = length;
  }

  *records(): Generator<FoundRecord, void, undefined> {
    try {
      yield* recordsOf(this.#frames, this.base, this.base + this.length);
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      this.damage = error;
    }
  }
}

/** Reads every record of a log. */
export function checkLog(file: DaxFile): Checked {
  let damage: CorruptionError | undefined, count = 0, bytes = 0, epochs = 0, last = -1, freeBytes = 0;
  const frames = readHeader(file, false), state = readState(frames);
  let { base } = state;
  try {
    const walk = new Walk(file);
    ({ base, freeBytes } = walk);
    for (const record of walk.records()) {
      count++;
      bytes += record.bytes.length;
      if (record.epoch !== last) epochs++;
      last = record.epoch;
    }
    damage = walk.damage;
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    damage = error;
  }
  const { isClean, epoch, byteOffset } = state;
  const range = count === 0 ? "" : `, numbers ${base} to ${base + count - 1}`;
  return {
    facts: [
      ["format", `log, version ${version}`],
      ["records", `${damage === undefined ? "" : "at least "}${count}${range}, ${inUnits(bytes)}`],
      ["written by", counted(epochs, "session")],
      ["free", damage === undefined ? inUnits(freeBytes) : "not known"],
      ["closed", isClean ? "yes" : "no: it is open, or its last writer did not close it"],
      ["checkpoint", `byteOffset ${byteOffset}, epoch ${epoch}`],
    ],
    json: {
      version,
      records: count,
      base,
      bytes,
      sessions: epochs,
      freeBytes,
      isClean,
      epoch,
      checkpoint: byteOffset,
    },
    damage,
  };
}

/** Shows every record of a log: where it is, how long, and its bytes as text where they are text. */
export function dumpLog(file: DaxFile, terminal: Terminal): Dumped {
  const walk = new Walk(file);
  return {
    lines: linesOf(walk, terminal),
    json: () => {
      const records = Array.from(walk.records(), ({ sequence, byteOffset, epoch, isFirst, bytes }) => ({
        sequence,
        byteOffset,
        byteLength: bytes.length,
        epoch,
        isFirst,
        hex: hexOf(bytes),
        text: textOf(bytes),
      }));
      return { content: { version, base: walk.base, records }, damage: walk.damage };
    },
  };
}

function* linesOf(walk: Walk, { columns, style }: Terminal): Generator<string, void, undefined> {
  const width = String(walk.base + walk.length).length;
  yield style("dim", `${"number".padStart(Math.max(6, width))}  byteOffset  byteLength  bytes`);
  for (const { sequence, byteOffset, bytes } of walk.records()) {
    const place = `${String(byteOffset).padStart(10)}  ${String(bytes.length).padStart(10)}`;
    const head = `${String(sequence).padStart(Math.max(6, width))}  ${place}  `;
    // No more than a line: a longer record is whole in --json
    const short = bytes.subarray(0, columns), text = textOf(short);
    const shown = text === undefined ? hexOf(short.subarray(0, columns >> 1)) : JSON.stringify(text);
    const room = Math.max(8, columns - head.length);
    yield head +
      (shown.length > room || short.length < bytes.length ? `${shown.slice(0, room - 1)}…` : shown);
  }
  if (walk.damage !== undefined) throw walk.damage;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes as text; undefined if they are none, or hold control characters other than line ends and tabs. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    // deno-lint-ignore no-control-regex
    return /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
