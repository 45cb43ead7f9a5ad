/**
 * A guest book with a real bug, and the crash test that finds it. No pmem, no root, nothing native:
 *
 * ```sh
 * deno run examples/crash_test.ts
 * bun run examples/crash_test.ts
 * ```
 *
 * Read `GuestBook.add` first: can you see the mistake? The first test does not, for its guests write plain English. The second one has
 * a guest from Köln, and prints what is lost, which line stored it, and which flush would mend it. The answer is at the end.
 *
 * @module
 */

import { crash, CrashError, type CrashOptions, type CrashReport, type Region } from "../src/testing/mod.ts";

const SLOT_BYTES = 128;

/** Entries in slots of two cache lines: u32 length, then UTF-8. The word at 0 counts the entries that are valid. */
class GuestBook {
  readonly #file: Region;

  constructor(file: Region) {
    this.#file = file;
  }

  get length(): number {
    return Number(this.#file.view(BigUint64Array, 0, 1)[0]);
  }

  add(text: string): void {
    const start = SLOT_BYTES * (this.length + 1);
    const bytes = new TextEncoder().encode(text);
    this.#file.view(Uint32Array, start, 1)[0] = bytes.length;
    this.#file.view(Uint8Array, start + 4, bytes.length).set(bytes);
    this.persistEntry(start, text);
    this.#file.store64(0, this.length + 1);
  }

  /** The entry must be durable before it is counted. */
  protected persistEntry(start: number, text: string): void {
    this.#file.persist(start, 4 + text.length);
  }

  protected get file(): Region {
    return this.#file;
  }

  entries(): string[] {
    return Array.from({ length: this.length }, (_, i) => {
      const start = SLOT_BYTES * (i + 1);
      const length = this.#file.view(Uint32Array, start, 1)[0]!;
      return new TextDecoder().decode(this.#file.view(Uint8Array, start + 4, length).slice());
    });
  }
}

/** The crash test: a few guests write, and a plain array says what the book should then hold. */
function testOf(guests: readonly string[], Book = GuestBook): CrashOptions<GuestBook, string[]> {
  return {
    size: 4096,
    workload: async (m, t) => {
      const book = new Book(m);
      for (const guest of guests) await t.op("add", guest, () => book.add(guest));
    },
    recover: (m) => new Book(m),
    observe: (book) => book.entries(),
    reference: { init: () => [], apply: (entries, { arg }) => void entries.push(arg as string) },
  };
}

const english = ["It was lovely here, and the view of the old bridge at night!"];
const german = ["Schön wär's, könnte ich öfter über die Brücken am Fluss gehn"];

console.log(`English guests: ${summary(await crash(testOf(english)))}`);
const error = await crash(testOf([...english, ...german])).catch((error: unknown) => error);
console.log(`With one from Köln: ${error instanceof CrashError ? error.message : "nothing found?"}`);

function summary({ complete, images, crashPoints }: CrashReport): string {
  return `${complete ? "all" : "some"} of ${images} images at ${crashPoints} crash points were recovered`;
}

/*
 * The answer. `text.length` counts UTF-16 units, not bytes. An umlaut is one of the former and two of the latter, so the range that is
 * persisted ends before the text does; where that also ends before the last cache line, the line may never reach the medium.
 */
class MendedBook extends GuestBook {
  protected override persistEntry(start: number, text: string): void {
    this.file.persist(start, 4 + new TextEncoder().encode(text).length);
  }
}

console.log(`Mended: ${summary(await crash(testOf([...english, ...german], MendedBook)))}`);
