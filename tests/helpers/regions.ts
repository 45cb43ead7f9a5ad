/** Regions over given bytes, for damage that a structure is to meet: nothing of the machine is asked, and every access is checked. */

import type { Region } from "../../mod.ts";
import { Memory } from "../../src/testing/memory.ts";
import { MODELS } from "../../src/testing/model.ts";
import { RecordedRegion } from "../../src/testing/region.ts";

/** A region that holds a copy of some bytes; closing it leaves it as it is. */
export function regionOf(
  contents: Uint8Array,
  { readOnly = false, onRead = undefined as ((byteOffset: number, byteLength: number) => void) | undefined } =
    {},
): Region {
  const memory = new Memory(contents.length);
  memory.recording = false;
  memory.bytes.set(contents);
  if (onRead !== undefined) {
    const read = memory.read.bind(memory);
    memory.read = (byteOffset, byteLength) => {
      onRead(byteOffset, byteLength);
      read(byteOffset, byteLength);
    };
  }
  return Object.assign(new RecordedRegion(memory, MODELS.px86, false), { readOnly, close: () => {} });
}

/**
 * Every bit of the bytes that a body reads of a region with these contents, as byte and bit. A body that does the same each time does
 * what it does whatever the other bytes are: to flip these bits, one at a time, is to flip all there are.
 */
export function bitsRead(
  contents: Uint8Array,
  body: (region: Region) => void,
  options: { readOnly?: boolean } = {},
): [byte: number, bit: number][] {
  const isRead = new Uint8Array(contents.length);
  const onRead = (byteOffset: number, byteLength: number) =>
    void isRead.fill(1, byteOffset, byteOffset + byteLength);
  body(regionOf(contents, { ...options, onRead }));
  return Array.from(isRead.keys()).filter((byte) => isRead[byte] === 1)
    .flatMap((byte) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit): [number, number] => [byte, bit]));
}
