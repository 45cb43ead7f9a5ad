/** The native functions of records and batches, on the memory of a simulated process. */

import { Mode } from "../../../ffi/symbols.ts";
import { Batch } from "../../../mod.ts";
import { crc32c } from "../../../src/testing/crc.ts";
import { effects } from "../../trace/library_model.ts";
import type { NativeEvent } from "../../trace/events.ts";

const headerBytes = 16;

/** Bytes by their address. */
type Bytes = (address: number, byteLength: number) => Uint8Array;

/** Writes a record, whose payload may lie in it. */
export function putRecord(bytes: Bytes, [to, from, length, low, high, seed]: readonly number[]): void {
  const payload = length! > 0 ? bytes(from!, length!).slice() : new Uint8Array();
  const frame = bytes(to!, headerBytes + Math.ceil(length! / 8) * 8);
  frame.fill(0).set(payload, headerBytes);
  const header = new DataView(frame.buffer, frame.byteOffset, headerBytes);
  for (const [at, word] of [[0, length], [8, low], [12, high]] as const) header.setUint32(at, word!, true);
  header.setUint32(4, checksumOf(frame, payload, seed!), true);
}

/** The length of the payload of the record that a range begins with, or −1. */
export function recordLength(bytes: Bytes, [start, byteLength, seed]: readonly number[]): number {
  const range = bytes(start!, byteLength!),
    header = new DataView(range.buffer, range.byteOffset, headerBytes);
  const length = header.getUint32(0, true), frameBytes = headerBytes + Math.ceil(length / 8) * 8;
  if (range.subarray(0, headerBytes).every((byte) => byte === 0) || frameBytes > byteLength!) return -1;
  const payload = range.subarray(headerBytes, headerBytes + length);
  return checksumOf(range, payload, seed!) === header.getUint32(4, true) ? length : -1;
}

/** The checksum of a range. */
export function checksum(bytes: Bytes, [start, byteLength, seed]: readonly number[]): number {
  return crc32c(bytes(start!, byteLength!), seed);
}

/** Commits a batch, and gives what that does to the file. */
export function commit(
  bytes: Bytes,
  [file, , at, batch, length, previous, before, low, high, seed, mode]: readonly number[],
): NativeEvent[] {
  const entriesOf = (address: number, byteLength: number) =>
    byteLength > 0 ? [...Batch.entries(bytes(address, byteLength))] : [];
  putRecord(bytes, [file! + at!, batch!, length!, low!, high!, seed!]);
  const entries = entriesOf(batch!, length!);
  for (const { byteOffset, bytes: data } of entries) bytes(file! + byteOffset, data.length).set(data);
  const earlier = entriesOf(previous!, before!);
  const stores = entries.map(({ byteOffset, bytes }): NativeEvent => ({
    kind: "store",
    byteOffset,
    byteLength: bytes.length,
  }));
  const frame = [at!, 0, length!, low!, high!, seed!];
  if ((mode! & Mode.methodMask) !== Mode.msync) {
    const flushes = earlier.flatMap(({ byteOffset, bytes }) =>
      effects("flush", [byteOffset, bytes.length, mode!])!
    );
    return [...flushes, ...effects("record", [...frame, mode!])!, ...stores];
  }
  // One msync from the first to the last byte
  const ranges = [
    { start: at!, end: at! + headerBytes + length! },
    ...earlier.map(({ byteOffset, bytes }) => ({ start: byteOffset, end: byteOffset + bytes.length })),
  ];
  const start = Math.min(...ranges.map(({ start }) => start)),
    end = Math.max(...ranges.map(({ end }) => end));
  const record = effects("record", [...frame, mode!])!.filter(({ kind }) => kind === "store");
  return [...record, ...effects("persist", [start, end - start, mode!])!, ...stores];
}

function checksumOf(header: Uint8Array, payload: Uint8Array, seed: number): number {
  return crc32c(payload, crc32c(header.subarray(0, 4), crc32c(header.subarray(8, 16), seed)));
}
