/**
 * The protocol of a pool: how a transaction becomes durable with one fence, and how what a crash left is put right.
 *
 * Two slots are used in turn, each for one record after another. A commit appends its record and fences once; then it makes its changes in
 * place, which nobody writes back yet: the record has them. When a slot is full, the next record begins the other one, and with the same fence
 * all changes that the full one's records made become durable in their places. So whenever a slot is overwritten, what its records
 * changed is durable. A record with no writes says that all is in place and durable, and that nothing before it is to be replayed:
 * {@linkcode Journal.settle} writes it before anything else in the file becomes durable, as a replay would undo that.
 *
 * @module
 */

import { Batch, type Region } from "../../mod.ts";
import type { Area } from "./area.ts";
import type { Header } from "./header.ts";
import { type Geometry, markOffset, recordBytes, sequenceMax, slotOffset } from "./layout.ts";
import { Ranges } from "./ranges.ts";
import { exhausted, failedBefore, tooLarge } from "./refusal.ts";
import { readSlots, type Slots } from "./slots.ts";
import type { Staging } from "./staging.ts";

const nothing = new Uint8Array(0);

/** One open pool's journal. */
export class Journal {
  readonly #file: Region;
  readonly #geometry: Geometry;
  readonly #dataOffset: number;
  readonly #seed: number;
  readonly #area: Area;
  /** The mark: stored when a commit's record is durable and never flushed by itself, it finds records that the medium lost. */
  readonly #mark: Float64Array;
  readonly #batch: Batch;
  /** The ranges that a turn to the other slot has written back, as {@linkcode Region.commit} takes them. */
  readonly #previous: Batch;
  /** What the records of the slot in use changed in place, and nobody has written back. */
  readonly #changed: Ranges;
  /** The number of the last commit. */
  #sequence: number;
  /** The slot in use, where its next record goes, and where it ends. */
  #side: 0 | 1;
  #next = 0;
  #end = 0;
  /** Whether {@linkcode Journal.settle} will be called before anything else in the file becomes durable. */
  #isDeferred = false;
  /** What made it unusable. */
  #failure: { readonly error: unknown } | undefined;
  readonly #settle = (): void => this.settle();

  /** Opens the journal of a pool and puts right what a crash left: on the medium, or only in this process if the file is open to be read. */
  constructor(file: Region, header: Header, area: Area) {
    const { geometry, seed } = header;
    this.#file = file;
    this.#geometry = geometry;
    this.#dataOffset = geometry.dataOffset;
    this.#seed = seed;
    this.#area = area;
    this.#mark = file.view(Float64Array, markOffset, 1);
    const slots = readSlots(file, header);
    this.#sequence = slots.sequence;
    this.#side = slots.side;
    const room = file.readOnly ? recordBytes : geometry.slotBytes - recordBytes;
    this.#batch = file.batch(room);
    this.#previous = file.batch(room);
    // What a slot holds, and one transaction more
    this.#changed = new Ranges(room / 8);
    if (file.readOnly) this.#replay(slots);
    else this.#recover(slots);
  }

  #replay({ pending }: Slots): void {
    for (const { entries } of pending) {
      for (const { byteOffset, bytes } of entries) this.#area.store(byteOffset, bytes);
    }
  }

  #recover(slots: Slots): void {
    const file = this.#file, { dataOffset, overflowOffset } = this.#geometry;
    // What is seen here may be in the caches only, if a process was killed and no power cut came: it must be durable before
    // anything is done that relies on it. What is in the overflow area was so before a record in a slot spoke of it
    file.persist(0, overflowOffset);
    this.#replay(slots);
    const ranges = slots.pending.flatMap(({ entries }) => entries);
    const changed = new Ranges(ranges.length);
    for (const { byteOffset, bytes } of ranges) changed.add(dataOffset + byteOffset, bytes.length);
    changed.flush(file);
    if (changed.count > 0) file.drain();
    // In the other slot, and even if there was nothing to replay: after the last record there may be half of one, which must never be
    // completed by half of another with the same number
    this.#settled();
  }

  /**
   * Makes staged writes durable, all or nothing, and stores them in their places.
   *
   * @throws {RangeError} if they take more than the pool has room for; nothing was written then
   * @throws {DaxError} if the system failed: whether they survive shows when the pool is opened again; every later commit is refused
   */
  commit(staging: Staging): void {
    if (this.#failure !== undefined) throw failedBefore(this.#file, this.#failure.error);
    const batch = this.#batch, changed = this.#changed, before = changed.count, sequence = this.#sequence + 1;
    // The number after it is that of the record that settles it
    if (sequence >= sequenceMax) throw exhausted(this.#file);
    batch.clear();
    if (!staging.encode(batch, this.#dataOffset, changed)) {
      changed.count = before;
      return this.#commitLarge(staging);
    }
    try {
      const previous = this.#next + recordBytes + batch.byteLength > this.#end
        ? this.#turn(before)
        : undefined;
      if (!this.#isDeferred) {
        this.#file.defer(this.#settle);
        this.#isDeferred = true;
      }
      const low = sequence >>> 0, high = (sequence - low) / 0x1_0000_0000;
      this.#file.commit(this.#next, batch, low, high, this.#seed, previous);
      if (previous !== undefined) changed.renew(batch);
      this.#mark[0] = this.#sequence = sequence;
      this.#next += recordBytes + batch.byteLength;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /**
   * Turns to the other slot. What the records of this one changed, the first ranges so many, becomes durable with the fence, or the
   * msync, of the next record: even if that comes first, this one's are replayed as long as they lead up to it.
   */
  #turn(count: number): Batch {
    const previous = this.#previous;
    previous.clear();
    this.#changed.encode(previous, count);
    this.#begin();
    return previous;
  }

  #begin(): void {
    this.#side = this.#side === 0 ? 1 : 0;
    this.#next = slotOffset(this.#geometry, this.#side);
    this.#end = this.#next + this.#geometry.slotBytes;
  }

  /** The way of what does not fit into a slot: the writes go to the overflow area first, and are in place and settled on return. */
  #commitLarge(staging: Staging): void {
    const { overflowOffset, overflowBytes, slotBytes, dataOffset } = this.#geometry;
    const needed = staging.encodedBytes(), room = overflowBytes - recordBytes;
    if (needed > room) throw tooLarge(this.#file, needed, Math.max(room, slotBytes - recordBytes));
    const batch = this.#file.batch(needed);
    staging.encode(batch, dataOffset, undefined);
    const pointer = new Uint8Array(8);
    new DataView(pointer.buffer).setUint32(0, batch.byteLength, true);
    const file = this.#file, sequence = this.#sequence + 1;
    try {
      this.#undefer();
      this.#record(overflowOffset, batch.bytes, sequence);
      this.#begin();
      this.#record(this.#next, pointer, sequence);
      // From here on it is committed
      this.#mark[0] = this.#sequence = sequence;
      const entries = [...Batch.entries(batch.bytes)],
        changed = new Ranges(this.#changed.count + entries.length);
      changed.addAll(this.#changed);
      for (const { byteOffset, bytes } of entries) {
        this.#area.store(byteOffset - dataOffset, bytes);
        changed.add(byteOffset, bytes.length);
      }
      // Also what the slot before has changed: until then its records are replayed, for they lead up to this one's
      changed.flush(file);
      file.drain();
      this.#settled();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /**
   * Writes back what commits changed, and says in the next slot that nothing is to be replayed: from then on other writes to
   * the same bytes stay. Three fences, and none where there is nothing to settle.
   *
   * @throws {DaxError} if the system failed, now or at a commit before
   */
  settle(): void {
    if (this.#failure !== undefined) throw failedBefore(this.#file, this.#failure.error);
    if (this.#changed.count === 0) return;
    try {
      this.#undefer();
      this.#changed.flush(this.#file);
      this.#file.drain();
      this.#settled();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Settles, if nothing has failed: what a crash leaves of a failed pool is put right when it is opened. */
  close(): void {
    if (this.#failure === undefined && !this.#file.readOnly) this.settle();
  }

  /** Says that everything is in place. The caller has made it durable. */
  #settled(): void {
    // No number is left for it: then none is left for a commit either, and nothing is ever completed
    if (this.#sequence === sequenceMax) return;
    const sequence = this.#sequence + 1;
    this.#begin();
    this.#record(this.#next, nothing, sequence);
    this.#next += recordBytes;
    this.#changed.count = 0;
    this.#mark[0] = this.#sequence = sequence;
    // Not left to chance here: without the mark, this record could be lost and nobody would know
    this.#file.persist(markOffset, 8);
  }

  #record(byteOffset: number, payload: Uint8Array, sequence: number): void {
    const low = sequence >>> 0, high = (sequence - low) / 0x1_0000_0000;
    this.#file.writeRecord(byteOffset, payload, low, high, this.#seed);
  }

  #undefer(): void {
    if (!this.#isDeferred) return;
    this.#file.defer(undefined);
    this.#isDeferred = false;
  }
}
