// The persistency models a second time, as plainly as they can be said and without any of the engine's shortcuts: every
// image of a moment is built and kept. Slow, for small programs only; the engine is compared with it.
import type { Model } from "../../src/testing/mod.ts";
import type { StoreEvent, TraceEvent } from "../../src/testing/trace.ts";

const unitBytes: Record<Model, number> = { px86: 64, word: 8, sector: 512, eadr: 2 ** 20 };

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Steps of a unit happen in order, pieces of a step in any; undefined is in no order. */
  readonly step: number | undefined;
}

/** Every image that a crash before event `moment` can leave, each once. */
export function imagesOf(
  model: Model,
  initial: Uint8Array,
  events: readonly TraceEvent[],
  moment: number,
): Uint8Array[] {
  let images = [initial];
  const units = new Set(
    events.slice(0, moment).flatMap((event) => event.kind === "store" ? unitsOf(model, event) : []),
  );
  for (const unit of units) {
    const contents = contentsOf(model, initial, events.slice(0, moment), unit);
    const start = unit * unitBytes[model];
    images = images.flatMap((image) =>
      contents.map((content) => {
        const next = image.slice();
        next.set(content, start);
        return next;
      })
    );
  }
  return images;
}

function unitsOf(model: Model, { byteOffset, bytes }: StoreEvent): number[] {
  const units: number[] = [];
  for (let at = byteOffset; at < byteOffset + bytes.length; at++) {
    units.push(Math.floor(at / unitBytes[model]));
  }
  return units;
}

/** Every content that one unit can have. */
function contentsOf(
  model: Model,
  initial: Uint8Array,
  events: readonly TraceEvent[],
  unit: number,
): Uint8Array[] {
  const start = unit * unitBytes[model], end = start + unitBytes[model];
  const pieces: Piece[] = [];
  let steps = 0, flushed = 0, certainSteps = 0, certainLoose = 0;
  const syncs = new Map<number, { steps: number; at: number }>();
  events.forEach((event, at) => {
    if (event.kind === "store") {
      const loose = event.order === "nontemporal" && model !== "sector";
      const own = wordsOf(event).filter(({ offset }) => offset >= start && offset < end);
      if (own.length > 0 && !loose && model !== "sector") steps++;
      for (const word of own) {
        if (model === "sector") steps++;
        pieces.push({ ...word, at, step: loose ? undefined : steps - 1 });
      }
    } else if (event.kind === "flush" && event.sync !== undefined) {
      syncs.set(event.sync, { steps, at });
    } else if (event.kind === "drain" && event.sync !== undefined) {
      const begun = syncs.get(event.sync)!;
      certainSteps = Math.max(certainSteps, begun.steps);
      certainLoose = Math.max(certainLoose, begun.at);
    } else if (event.kind === "flush") {
      if (event.byteOffset < end && event.byteOffset + event.byteLength > start) flushed = steps;
    } else if (event.kind === "drain") {
      certainSteps = model === "eadr" ? steps : Math.max(certainSteps, flushed);
      certainLoose = at;
    }
  });
  const loose = pieces.filter(({ step }) => step === undefined);
  const found = new Map<string, Uint8Array>();
  for (let complete = certainSteps; complete <= steps; complete++) {
    const partial = pieces.filter(({ step }) => step === complete);
    for (const some of subsets(partial)) {
      for (const survivors of subsets(loose.filter(({ at }) => at >= certainLoose))) {
        const content = initial.slice(start, Math.min(end, initial.length));
        for (const piece of pieces) {
          const survives = piece.step === undefined
            ? piece.at < certainLoose || survivors.includes(piece)
            : piece.step < complete || some.includes(piece);
          if (survives) content.set(piece.bytes, piece.offset - start);
        }
        found.set(content.join(), content);
      }
    }
  }
  return [...found.values()];
}

function wordsOf({ byteOffset, bytes }: StoreEvent): { offset: number; bytes: Uint8Array }[] {
  const words = [];
  for (let offset = byteOffset; offset < byteOffset + bytes.length;) {
    const next = Math.min(offset - offset % 8 + 8, byteOffset + bytes.length);
    words.push({ offset, bytes: bytes.subarray(offset - byteOffset, next - byteOffset) });
    offset = next;
  }
  return words;
}

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => [...all, ...all.map((some) => [...some, item])], [[]]);
}
