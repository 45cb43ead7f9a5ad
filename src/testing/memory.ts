// The bytes under a recorded region. After a crash some of them are undecided; reading one decides it. Everything that
// a program does to the region passes here, one call for each read, store, flush and drain.
import type { Choices } from "./choices.ts";
import { type Decision, Decisions, undo } from "./decisions.ts";
import { type Layer, maskOf } from "./pending.ts";
import type { Order, TraceEvent } from "./trace.ts";

/** A program made more accesses than it may: it does not end. */
export class StepLimitError extends Error {
  override name = "StepLimitError";

  constructor(limit: number) {
    super(`the region was touched more than ${limit} times (option steps)`);
  }
}

/** Which bytes are open in which words, for all layers: word, mask, word, mask. Flat, for each run goes through it twice. */
export type OpenWords = readonly number[];

/** The bytes of a region, and the record of what is done to them. */
export class Memory {
  /** What the program sees. Bytes that are not settled hold what lies beneath every layer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same bytes. */
  readonly data: DataView;
  readonly events: TraceEvent[] = [];
  /** Called before a drain or the beginning of an operation is recorded: a crash there is worth a look. */
  onPoint: (() => void) | undefined;
  /** Whether each store, flush and drain remembers where it was called from. */
  stacks = false;
  /** Whether stores, flushes and drains are kept, as a later crash needs them. What was noted is kept in any case. */
  recording = true;
  /** True once a plain typed array was handed out, whose stores are found only by comparing. */
  approximate = false;
  /** Accesses that a run may make before it counts as endless. */
  stepLimit = Infinity;
  /** Whether this run has stored anything. */
  hasStored = false;
  #steps = 0;
  /** Which run this is: what a sync of an earlier one began must not end in it. */
  #run = 0;
  #syncs = 0;
  // One byte for each word, one bit for each of its bytes: whether `bytes` is the truth.
  readonly #settled: Uint8Array;
  readonly #ranges: number[] = [];
  #open: OpenWords = [];
  #decisions: Decisions | undefined;
  #shadow: Uint8Array | undefined;

  constructor(readonly byteLength: number) {
    this.bytes = new Uint8Array(byteLength);
    this.data = new DataView(this.bytes.buffer);
    this.#settled = new Uint8Array(Math.ceil(byteLength / 8)).fill(0xff);
  }

  /** The decisions of this run, in order. */
  get journal(): readonly Decision[] {
    return this.#decisions?.journal ?? [];
  }

  /** Starts a run on what a crash left: the layers, of which reading decides by the choices. */
  begin(layers: readonly Layer[], open: OpenWords, choices: Choices): void {
    this.#open = open;
    this.#decisions = new Decisions(layers, choices);
    for (let i = 0; i < open.length; i += 2) this.#settled[open[i]!]! &= ~open[i + 1]!;
    this.events.length = 0;
    this.#run++;
    this.#steps = this.#syncs = 0;
    this.hasStored = false;
  }

  /** Takes a run back: every decision, and every byte, to what `base` holds. */
  end(base: Uint8Array): void {
    undo(this.journal);
    this.#run++;
    this.#decisions = undefined;
    const open = this.#open;
    for (let i = 0; i < open.length; i += 2) {
      this.#restore(base, open[i]! * 8, Math.min(open[i]! * 8 + 8, this.byteLength));
    }
    for (let i = 0; i < this.#ranges.length; i += 2) {
      this.#restore(base, this.#ranges[i]!, this.#ranges[i + 1]!);
    }
    this.#ranges.length = 0;
  }

  #restore(base: Uint8Array, start: number, end: number): void {
    const first = start >>> 3, last = (end + 7) >>> 3;
    // A loop, for a call to fill or set costs more than a word is worth.
    if (end - start <= 64) {
      for (let word = first; word < last; word++) this.#settled[word] = 0xff;
      for (let i = start; i < end; i++) this.bytes[i] = base[i]!;
    } else {
      this.#settled.fill(0xff, first, last);
      this.bytes.set(base.subarray(start, end), start);
    }
  }

  /** Must come before the bytes are looked at. */
  read(byteOffset: number, byteLength: number): void {
    if (++this.#steps > this.stepLimit) throw new StepLimitError(this.stepLimit);
    const end = byteOffset + byteLength;
    for (let word = byteOffset >>> 3; word * 8 < end; word++) {
      if (this.#settled[word] !== 0xff) this.#resolve(word, maskOf(word, byteOffset, end));
    }
  }

  /** Stores bytes and records it. The caller has checked the range. */
  store(byteOffset: number, source: Uint8Array, order: Order): void {
    if (++this.#steps > this.stepLimit) throw new StepLimitError(this.stepLimit);
    const { length } = source;
    if (length === 0) return;
    this.#compare();
    // Most runs are the last of their kind: nobody asks what they stored, and a copy costs as much as all the rest.
    const bytes = this.recording ? source.slice() : source;
    if (length > 8) this.bytes.set(bytes, byteOffset);
    else for (let i = 0; i < length; i++) this.bytes[byteOffset + i] = bytes[i]!;
    this.#shadow?.set(bytes, byteOffset);
    this.#stored(byteOffset, bytes, order, false);
  }

  #stored(byteOffset: number, bytes: Uint8Array, order: Order, isFound: boolean): void {
    const end = byteOffset + bytes.length;
    for (let word = byteOffset >>> 3; word * 8 < end; word++) {
      if (this.#settled[word] !== 0xff) this.#settled[word]! |= maskOf(word, byteOffset, end);
    }
    this.#ranges.push(byteOffset, end);
    this.hasStored = true;
    if (!this.recording) return;
    this.events.push({ kind: "store", byteOffset, bytes, order, isFound, stack: this.#stack() });
  }

  /** Records a flush. */
  flush(byteOffset: number, byteLength: number): void {
    this.#compare();
    if (++this.#steps > this.stepLimit) throw new StepLimitError(this.stepLimit);
    if (this.recording) this.events.push({ kind: "flush", byteOffset, byteLength, stack: this.#stack() });
  }

  /** Records a drain. */
  drain(): void {
    this.#compare();
    if (++this.#steps > this.stepLimit) throw new StepLimitError(this.stepLimit);
    this.onPoint?.();
    if (this.recording) this.events.push({ kind: "drain", stack: this.#stack() });
  }

  /** Records the beginning of a sync. Gives what records its end, or nothing if the run was over before. */
  sync(): () => void {
    this.#compare();
    if (++this.#steps > this.stepLimit) throw new StepLimitError(this.stepLimit);
    const run = this.#run, sync = this.#syncs++, stack = this.#stack();
    if (!this.recording) return () => {};
    this.events.push({ kind: "flush", byteOffset: 0, byteLength: this.byteLength, sync, stack });
    return () => {
      if (run !== this.#run) return;
      this.#compare();
      this.onPoint?.();
      this.events.push({ kind: "drain", sync, stack });
    };
  }

  /** Records anything else that happened. */
  note(event: TraceEvent): void {
    this.#compare();
    if (event.kind === "begin") this.onPoint?.();
    this.events.push(event);
  }

  /** Finds stores made through plain typed arrays. Nothing to do as long as none was handed out. */
  settle(): void {
    this.#compare();
  }

  /** Gives up exactness: someone holds the buffer itself. Everything is decided, later stores are found by comparing. */
  expose(): ArrayBuffer {
    this.approximate = true;
    this.read(0, this.byteLength);
    this.#shadow ??= this.bytes.slice();
    return this.bytes.buffer;
  }

  #compare(): void {
    const shadow = this.#shadow;
    if (!shadow) return;
    for (let start = 0; start < shadow.length;) {
      if (shadow[start] === this.bytes[start]) {
        start++;
        continue;
      }
      // The words of a run of changes: one aligned word is taken to be one store.
      start &= ~7;
      let end = start;
      while (end < shadow.length && wordDiffers(shadow, this.bytes, end)) end += 8;
      end = Math.min(end, shadow.length);
      const bytes = this.bytes.slice(start, end);
      shadow.set(bytes, start);
      this.#stored(start, bytes, "bulk", true);
      start = end;
    }
  }

  /** Decides every open byte: exhaustive exploration. */
  resolveAll(): void {
    const open = this.#open;
    for (let i = 0; i < open.length; i += 2) this.#resolve(open[i]!, open[i + 1]!);
  }

  #resolve(word: number, wanted: number): void {
    const need = wanted & ~this.#settled[word]!;
    this.#settled[word]! |= need;
    this.#decisions!.resolve(word, need, this.bytes);
  }

  #stack(): string | undefined {
    return this.stacks ? new Error().stack : undefined;
  }
}

function wordDiffers(a: Uint8Array, b: Uint8Array, start: number): boolean {
  for (let i = start; i < start + 8 && i < a.length; i++) if (a[i] !== b[i]) return true;
  return false;
}
