/**
 * Everything that a file can be asked to make durable, at every size and misalignment that matters: what is recorded on the engine's
 * region, traced on the real library, and run against every mutant.
 */

import type { Region } from "../../mod.ts";

/** Bytes of the file: 257 lines and one byte, so that its end is no line's and no page's. */
export const workloadBytes = 257 * 64 + 1;

/** How much of it. */
export interface Extent {
  /** Every size at every misalignment, or a few of each. */
  readonly thorough: boolean;
  /** Whether sync() is asked for: on page granularity a runtime does it in another thread, which is not traced. */
  readonly sync: boolean;
}

const sizes = {
  thorough: [
    1,
    2,
    7,
    8,
    9,
    16,
    17,
    31,
    33,
    63,
    64,
    65,
    127,
    128,
    129,
    192,
    193,
    255,
    256,
    257,
    320,
    513,
    640,
  ],
  quick: [1, 8, 63, 64, 65, 129, 256, 320],
};
const misalignments = {
  thorough: [0, 1, 7, 8, 9, 31, 32, 33, 56, 57, 60, 63],
  quick: [0, 1, 8, 57, 63],
};

/** Runs it. Every store of a view changes what it stores to, so that it shows where only bytes are compared. */
export async function workload(m: Region, { thorough, sync }: Extent): Promise<void> {
  const bytes = m.view(Uint8Array);
  let turn = 0;
  const touch = (offset: number) => {
    if (offset >= 0 && offset < m.size) bytes[offset] = bytes[offset]! + 1 & 255;
  };
  /** Stores to both ends of a range, to every line in it, and to what lies just outside. */
  const around = (start: number, length: number) => {
    const end = start + length;
    for (const offset of [start - 64, start - 1, end, end + 63]) touch(offset);
    for (let offset = start; offset < end; offset += 64) touch(offset);
    if (length > 1) touch(end - 1);
  };
  /** Bytes that differ from the ones of the turn before. */
  const fresh = (length: number) => Uint8Array.from({ length }, (_, i) => i * 7 + turn * 13);
  const level = thorough ? "thorough" : "quick";
  const places = function* (offsets: readonly number[]) {
    for (const size of sizes[level]) {
      for (const offset of offsets) yield { start: 64 * (2 + ++turn % 180) + offset, size };
    }
  };

  for (const { start, size } of places(misalignments[level])) {
    around(start, size);
    m.persist(start, size);
    if (turn % 3 !== 0) continue;
    around(start + 1024, size);
    m.flush(start + 1024, size);
    touch(start + 1024);
    if (turn % 2 === 0) m.flush(start + 1024 + size, 1);
    m.drain();
  }
  const nontemporal = [undefined, true, false];
  for (const { start, size } of places(misalignments.quick)) {
    for (const choice of thorough ? nontemporal : [nontemporal[turn % 3]]) {
      const options = {
        ...(choice !== undefined && { nontemporal: choice }),
        ...(turn % 4 === 0 && { drain: false }),
      };
      around(start, 1);
      m.write(start, fresh(size), options);
      touch(start + size);
      m.fill(start + 2048, size, turn % 256, options);
      if (turn % 8 === 0) m.drain();
    }
  }
  m.drain();

  // Sources of other kinds, the file itself among them; and more than one buffer's worth
  m.write(200, new Float64Array([1, turn, 3]));
  m.write(331, new DataView(fresh(100).buffer, 3, 90));
  m.write(1000, m.view(Uint8Array, 3000, 700));
  m.write(4000, m.view(Uint8Array, 4100, 900), { nontemporal: true });
  m.write(6100, m.view(Uint32Array, 6000, 200), { drain: false });
  if (thorough) {
    m.write(5, fresh(16 * 1024 + 1), { nontemporal: false });
    m.write(3, fresh(16 * 1024 + 2));
    m.fill(64, m.size - 64, 5);
  }
  m.fill(3, 300);

  for (const [index, value] of [0, 1, -1, 2 ** 40 + 3, 5n, -(2n ** 63n), 2n ** 64n - 1n].entries()) {
    around(64 * index + 8 * index, 8);
    m.store64(64 * index + 8 * index, value);
  }

  records(m, sizes[level], touch, fresh);

  around(8300, 200);
  m.deepFlush(8300, 200);
  around(8191, 2);
  m.deepFlush(8191, 2);
  for (
    const view of [m.view(Uint32Array, 9000, 24), m.view(Float64Array, 9000, 24), m.view(DataView, 9001, 90)]
  ) {
    around(view.byteOffset, view.byteLength);
    m.persist(view);
    around(view.byteOffset, view.byteLength);
    m.flush(view);
    m.drain();
    around(view.byteOffset, view.byteLength);
    m.deepFlush(view);
  }
  const whole = (...starts: number[]) => {
    for (const start of starts) around(start, 8);
    touch(0);
    touch(m.size - 1);
  };
  whole(100, 12_000);
  m.persist();
  whole(100, 12_000);
  m.persist(12_000);
  whole(100, 12_000);
  m.persist(undefined, 200);
  whole(100, 12_000);
  m.flush();
  m.drain();
  whole(100, 12_000);
  m.deepFlush();
  if (sync) {
    whole(100, 12_000);
    await m.sync();
  }
  whole(100, 12_000);
  m.flush(12_000, 1);
  m.write(15_000, fresh(10), { drain: false });
}

/** Records of each size, and commits of batches whose writes meet, overlap and lie apart, with and without one before. */
function records(
  m: Region,
  sizes: readonly number[],
  touch: (offset: number) => void,
  fresh: (length: number) => Uint8Array,
): void {
  const nontemporal = [undefined, true, false];
  for (const [turn, size] of [0, ...sizes].entries()) {
    const choice = nontemporal[turn % 3], start = 1024 + 8 * turn;
    const options = {
      ...(choice !== undefined && { nontemporal: choice }),
      ...(turn % 4 === 0 && { drain: false }),
    };
    touch(start + 2048);
    m.writeRecord(start, fresh(size), turn, size, 7, options);
    touch(start);
    if (m.recordLength(start, m.size, 7) >= 0) {
      throw new Error("a record whose first byte has changed is intact");
    }
    m.checksum(start, 16, 3);
    if (turn % 8 === 0) m.drain();
  }
  m.drain();

  // The last word of a page, and what settles before anything else is written back
  m.store64(4088, 5);
  const settle = () => {
    touch(9000);
    m.persist(9000, 1);
  };
  for (
    const write of [
      () => m.persist(100, 1),
      () => m.store64(72, 9),
      () => m.fill(700, 3),
      () => m.flush(9100, 1),
    ]
  ) {
    m.defer(settle);
    touch(100);
    write();
    m.drain();
  }

  const batches = [0, 1, 2, 3].map(() => m.batch(1024));
  for (const [turn, batch] of batches.entries()) {
    for (
      const [start, size] of [[5000, 8], [5008, 24], [5060, 9], [6001, 130], [12_287, 2], [
        4096 * turn,
        64,
      ]] as const
    ) {
      batch.write(start + 8 * turn, fresh(size));
    }
  }
  m.commit(2048, batches[0]!, 1, 2, 3);
  touch(6000);
  m.commit(3072, batches[1]!, 2, 2, 3, batches[0]);
  m.commit(2048, batches[2]!, 3, 2, 3, batches[1]);
  m.drain();
  m.commit(10_000, batches[3]!, 4, 2, 3);

  // From the last byte of a page to the first one of another, and the record between
  const edges = m.batch(64);
  for (const start of [4095, 8191]) edges.write(start, fresh(2));
  m.commit(5000, edges, 5, 2, 3);
  m.commit(6000, batches[0]!, 6, 2, 3, edges);
  for (const start of [4080, 8128]) m.writeRecord(start, fresh(64), 7, 2, 3, { nontemporal: false });
  m.persist();
}
