/**
 * An append-only log of records in a persistent file: checksummed, one fence an append, and after any crash every record that was
 * acknowledged is there.
 *
 * @example
 * ```ts
 * import { openLog } from "@daxfile/daxfile/log";
 *
 * using log = openLog("events.log", { create: true, size: 1 << 20 });
 * log.append(new TextEncoder().encode("durable on return"));
 * for (const { sequence, bytes } of log) console.log(sequence, new TextDecoder().decode(bytes));
 * ```
 *
 * @module
 */

export { type LogOptions, openLog } from "./open_log.ts";
export { type LogRecord, PersistentLog } from "./persistent_log.ts";
