/**
 * An append-only event log: each event is on the medium before the program goes on, whatever ends it then.
 *
 * ```sh
 * deno run --allow-ffi examples/event_log.ts PATH           # adds an event and shows all
 * bun run examples/event_log.ts PATH "the door was opened"  # adds this one
 * deno run --allow-ffi examples/event_log.ts PATH --follow  # shows events as other processes add them
 * ```
 *
 * @module
 */

import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { openLog, type PersistentLog } from "../src/log/mod.ts";

/** What happened, and when. */
interface Event {
  readonly at: string;
  readonly what: string;
}

/** Events as the records of a log: JSON, for it can be read without this program (`daxfile dump PATH`). */
class EventLog implements Disposable {
  readonly #log: PersistentLog;

  constructor(path: string, options: { readOnly?: boolean } = {}) {
    this.#log = openLog(path, options.readOnly ? { readOnly: true } : { create: true, size: 1 << 20 });
  }

  /** Adds events, all with one fence; they are durable on return. Throws ENOSPC when the log is full: then begin another file. */
  add(...events: readonly Event[]): void {
    this.#log.appendAll(events.map((event) => new TextEncoder().encode(JSON.stringify(event))));
  }

  /** Every event with its number, the oldest first. */
  *events(from = 0): Generator<[number: number, event: Event]> {
    for (const { sequence, bytes } of this.#log) {
      if (sequence >= from) yield [sequence, JSON.parse(new TextDecoder().decode(bytes))];
    }
  }

  [Symbol.dispose](): void {
    this.#log.close();
  }
}

const [path, word] = process.argv.slice(2);
if (path === undefined) {
  console.error("Usage: event_log.ts PATH [EVENT | --follow]");
  process.exitCode = 2;
} else if (word === "--follow") {
  using log = new EventLog(path, { readOnly: true });
  for (let next = 0;;) {
    for (const [number, event] of log.events(next)) {
      show(number, event);
      next = number + 1;
    }
    await wait(100);
  }
} else {
  using log = new EventLog(path);
  log.add({ at: new Date().toISOString(), what: word ?? `process ${process.pid} ran` });
  for (const [number, event] of log.events()) show(number, event);
}

function show(number: number, { at, what }: Event): void {
  console.log(`${number}  ${at}  ${what}`);
}
