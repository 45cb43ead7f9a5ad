/** What a native library exports, read from its bytes: a 64-bit, little-endian ELF file (elf(5)). */

/** Each exported name, and where in the file its code begins. */
export function exportsOf(bytes: Uint8Array<ArrayBuffer>): Map<string, number> {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (at: number) => Number(data.getBigUint64(at, true));
  if (data.getUint32(0) !== 0x7f454c46) throw new Error("This is no ELF file");
  const sections = Array.from({ length: data.getUint16(60, true) }, (_, index) => {
    const at = u64(40) + index * data.getUint16(58, true);
    return {
      type: data.getUint32(at + 4, true),
      offset: u64(at + 24),
      byteLength: u64(at + 32),
      link: data.getUint32(at + 40, true),
    };
  });
  const dynamic = sections.find(({ type }) => type === 11 /* SHT_DYNSYM */);
  if (dynamic === undefined) throw new Error("It exports nothing");
  const names = sections[dynamic.link]!;
  const exported = new Map<string, number>();
  const symbolBytes = 24;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.byteLength; at += symbolBytes) {
    if (data.getUint16(at + 6, true) === 0) continue; // not in this file, or the empty first one
    const start = names.offset + data.getUint32(at, true);
    const name = new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start)));
    exported.set(name, fileOffset(data, u64(at + 8)));
  }
  return exported;
}

/** The libraries that it needs (DT_NEEDED), as offsets of their names; the name itself matters to nobody here. */
export function neededBy(bytes: Uint8Array<ArrayBuffer>): number[] {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const needed: number[] = [];
  for (const { type, offset, byteLength } of segments(data)) {
    if (type !== 2 /* PT_DYNAMIC */) continue;
    for (let at = offset; at < offset + byteLength; at += 16) {
      const tag = Number(data.getBigUint64(at, true));
      if (tag === 0 /* DT_NULL */) break;
      if (tag === 1 /* DT_NEEDED */) needed.push(Number(data.getBigUint64(at + 8, true)));
    }
  }
  return needed;
}

function segments(data: DataView) {
  const u64 = (at: number) => Number(data.getBigUint64(at, true));
  return Array.from({ length: data.getUint16(56, true) }, (_, index) => {
    const at = u64(32) + index * data.getUint16(54, true);
    return {
      type: data.getUint32(at, true),
      offset: u64(at + 8),
      address: u64(at + 16),
      byteLength: u64(at + 32),
    };
  });
}

function fileOffset(data: DataView, address: number): number {
  const segment = segments(data).find(({ type, address: start, byteLength }) =>
    type === 1 /* PT_LOAD */ && address >= start && address < start + byteLength
  );
  if (segment === undefined) throw new Error(`Nothing of the file is at address ${address}`);
  return segment.offset + address - segment.address;
}
