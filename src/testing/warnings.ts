// What a trace shows that is no bug but costs time, or is about to become a bug.
import { LINE_BYTES, type Rules } from "./model.ts";
import { sourceOf } from "./source.ts";
import type { StoreEvent, Trace, TraceEvent } from "./trace.ts";

const CLEAN_FLUSH = "flush of lines without a store since their last flush";

type Found = Map<string, { count: number; places: Set<string> }>;

/** One line for each kind, with the number of times and, if the trace has stacks, the places. */
export function warningsOf(trace: Trace, rules: Rules): string[] {
  const found: Found = new Map();
  // By line: false once flushed, gone once drained. Only lines with a store since their last drain are here.
  const dirty = new Map<number, boolean>();
  const epoch: StoreEvent[] = [];
  // By the number of a sync that has begun: the lines that it will have made durable.
  const syncs = new Map<number, Set<number>>();
  let pending = false;
  for (const event of trace.events) {
    if (event.kind === "store") {
      epoch.push(event);
      const isLoose = event.order === "nontemporal" && rules.nontemporal;
      if (isLoose) pending = true;
      for (const line of linesOf(event.byteOffset, event.bytes.length)) {
        for (const covered of syncs.values()) covered.delete(line);
        if (isLoose) { if (!dirty.has(line)) dirty.set(line, false); }
        else dirty.set(line, true);
      }
    } else if (event.kind === "flush" && event.sync !== undefined) {
      if (dirty.size === 0) add(found, CLEAN_FLUSH, event);
      syncs.set(event.sync, new Set(dirty.keys()));
    } else if (event.kind === "drain" && event.sync !== undefined) {
      for (const line of syncs.get(event.sync)!) dirty.delete(line);
    } else if (event.kind === "flush") {
      let cleaned = false;
      for (const [line, isDirty] of dirty) {
        if (!isDirty || !overlaps(event, line)) continue;
        dirty.set(line, false);
        cleaned = pending = true;
      }
      if (!cleaned) add(found, CLEAN_FLUSH, event);
    } else if (event.kind === "drain") {
      if (!pending && !(rules.drainCoversAll && epoch.length > 0)) {
        add(found, "drain with nothing to wait for", event);
      }
      const [only] = epoch;
      if (epoch.length === 1 && canTear(only!)) {
        add(found, "commit store that crosses an 8-byte boundary and can tear", only!);
      }
      for (const [line, isDirty] of dirty) if (!isDirty || rules.drainCoversAll) dirty.delete(line);
      epoch.length = 0;
      pending = false;
    }
  }
  for (const line of dirty.keys()) {
    const store = trace.events.findLast((event) => event.kind === "store" && overlapsStore(event, line));
    add(found, "store not durable at the end", store!);
  }
  return Array.from(found, ([text, { count, places }]) => {
    const times = count === 1 ? "once" : `${count} times`;
    return places.size > 0 ? `${text}: ${times}, ${[...places].join("; ")}` : `${text}: ${times}`;
  });
}

// The lone store of an epoch, made by the program itself, is what makes the rest valid.
function canTear({ byteOffset, bytes, order }: StoreEvent): boolean {
  return order === "ordered" && byteOffset >>> 3 !== (byteOffset + bytes.length - 1) >>> 3;
}

function* linesOf(byteOffset: number, byteLength: number): Iterable<number> {
  const last = Math.floor((byteOffset + byteLength - 1) / LINE_BYTES);
  for (let line = Math.floor(byteOffset / LINE_BYTES); line <= last; line++) yield line;
}

function overlaps(
  { byteOffset, byteLength }: { byteOffset: number; byteLength: number },
  line: number,
): boolean {
  return byteOffset < (line + 1) * LINE_BYTES && byteOffset + byteLength > line * LINE_BYTES;
}

function overlapsStore({ byteOffset, bytes }: StoreEvent, line: number): boolean {
  return overlaps({ byteOffset, byteLength: bytes.length }, line);
}

function add(found: Found, text: string, event: TraceEvent): void {
  const entry = found.get(text) ?? { count: 0, places: new Set() };
  found.set(text, entry);
  entry.count++;
  const place = "stack" in event ? sourceOf(event.stack) : undefined;
  if (place && entry.places.size < 3) entry.places.add(place);
}
