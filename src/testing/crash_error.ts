// What a failed crash test throws, and how it reads.
import { inspect } from "node:util";
import type { Failure, FailureKind, LostStore } from "./failure.ts";
import { StepLimitError } from "./memory.ts";
import { LINE_BYTES } from "./model.ts";
import type { CrashReport, Operation, Program } from "./options.ts";
import { sourceOf } from "./source.ts";
import type { FlushEvent, Trace, TraceEvent } from "./trace.ts";

/**
 * Why a crash test did not pass: a failure, or one of these.
 *
 * - `incomplete`: a budget ran out before everything was tried. Not a pass.
 * - `not-deterministic`: the workload did something else the second time, or recovery read something else.
 */
export type CrashErrorKind = FailureKind | "incomplete" | "not-deterministic";

/** A crash test that did not pass. The message is meant to be read; the rest is for programs. */
export class CrashError extends Error {
  /** `"CrashError"`. */
  override name = "CrashError";
  /** Why it did not pass. */
  readonly kind: CrashErrorKind;
  /** What had been tried until then. */
  readonly report: CrashReport;
  /** What `replay` takes, if there is an image to run again. */
  readonly token: string | undefined;
  /** What went wrong, for programs. */
  readonly failure: Failure | undefined;
  /** The flush or drain that mends it, if one was found. */
  readonly mend: string | undefined;

  /** Only for `crash`. */
  constructor(
    kind: CrashErrorKind,
    message: string,
    report: CrashReport,
    details: { token?: string; failure?: Failure; mend?: string } = {},
  ) {
    super(message, details.failure?.error === undefined ? undefined : { cause: details.failure.error });
    this.kind = kind;
    this.report = report;
    this.token = details.token;
    this.failure = details.failure;
    this.mend = details.mend;
  }
}

const titles: Record<FailureKind, string> = {
  lost: "an acknowledged operation was lost",
  torn: "recovery found a state that no operation leaves",
  "not-durable": "a crash after recovery changed what recovery had shown",
  "not-idempotent": "recovering twice gave something else than once",
  further: "an operation after recovery did not do what the reference does",
  threw: "recovery threw",
  endless: "recovery did not end",
};

/** The message of a failure: one fact a line. */
export function explain(
  failure: Failure,
  trace: Trace,
  report: CrashReport,
  mend: string,
  token: string,
  views: NonNullable<Program["views"]>,
): string {
  const { shown, expected, observed, error } = failure;
  const crash = `before event ${failure.path.map(({ point }) => point).join(", then before event ")}`;
  const lines: [string, string][] = [
    ["operation", operation(failure, report)],
    ["acknowledged", acknowledgements(failure)],
    ...cuts(failure),
    ...(shown ? [["recovered", recovery(shown)]] as [string, string][] : []),
    ...(error === undefined
      ? [["expected", [...new Set(expected.map(show))].join(" or ")], ["observed", show(observed)]] as [
        string,
        string,
      ][]
      : [["thrown", thrown(error)]] as [string, string][]),
    ...failure.lost.map((
      lost,
    ): [string, string] => [lost.torn ? "torn" : "lost", describe(lost, trace, failure)]),
    ...(report.approximate ? [["approximate", approximation(views)]] as [string, string][] : []),
    ["mend", mend],
    ["replay", `crash({ …, replay: ${JSON.stringify(token)} })`],
  ];
  const body = lines.map(([label, text]) => `  ${label.padEnd(13)}${text}`).join("\n");
  return `${title(failure)} (${report.model}, power cut ${crash})\n${body}`;
}

function approximation(views: Program["views"]): string {
  const why = views === "plain" ? "views are plain" : "the buffer of a view was taken";
  return `${why}: stores were found by comparing bytes at each flush and drain, so this may not be all that is wrong`;
}

function title({ kind, wentOn }: Failure): string {
  return wentOn ? titles[kind].replace(/^recovery/, "an operation after recovery") : titles[kind];
}

function operation(
  { running, acknowledged, shown, further, wentOn }: Failure,
  { operations, stores }: CrashReport,
): string {
  if (!wentOn && running) return `${call(running)} was running`;
  if (!wentOn) {
    return operations === 0 && stores > 0
      ? "none: the workload marks none with tester.op"
      : "none was running";
  }
  if (!further) return "none was named: further did something outside tester.op";
  if (running) return `${call(running)} was running after recovery`;
  return `${calls(acknowledged.slice(shown!.acknowledged))} returned after recovery`;
}

// An event's number says little; what would have come next is a line of the test.
function cuts({ path, shown }: Failure): [string, string][] {
  return path.map(({ next }, i) => {
    const where = shown ? "after recovery" : "in recovery";
    return [i === 0 ? "cut" : "cut again", `${moment(next)}${i === 0 ? "" : `, ${where}`}`];
  });
}

function moment(next: TraceEvent | undefined): string {
  if (next?.kind === "begin") return `before ${call(next)}`;
  if (next?.kind !== "drain") return "at the end";
  const place = sourceOf(next.stack);
  const what = next.sync === undefined ? "the drain" : "the end of the sync()";
  return place ? `before ${what} at ${place}` : `before ${what}`;
}

function thrown(error: unknown): string {
  const place = error instanceof StepLimitError
    ? undefined
    : sourceOf((error as Partial<Error> | null)?.stack);
  return place ? `${error}, at ${place}` : `${error}`;
}

function acknowledgements({ acknowledged, shown }: Failure): string {
  const before = calls(acknowledged.slice(0, shown?.acknowledged)) || "nothing";
  const since = shown ? calls(acknowledged.slice(shown.acknowledged)) : "";
  return since ? `${before}; after recovery ${since}` : before;
}

function calls(operations: readonly Operation[]): string {
  return operations.map(call).join(", ");
}

function recovery({ observed, interrupted }: NonNullable<Failure["shown"]>): string {
  return `${show(observed)} was shown before${
    interrupted ? `, after a crash within ${call(interrupted)}` : ""
  }`;
}

function describe(lost: LostStore, trace: Trace, failure: Failure): string {
  const { store, depth, byteOffset, byteLength, torn } = lost;
  const line = byteOffset - byteOffset % LINE_BYTES;
  const part = torn ? `${byteLength} of the ${store.bytes.length} bytes` : `${byteLength} bytes`;
  const by = `${store.isFound ? "found at" : "by"} ${sourceOf(store.stack) ?? "an unknown line"}`;
  const what = `line ${line}: ${part} stored at ${byteOffset}, ${by}`;
  if (depth > 0) return `${what} ${failure.shown ? "(in recovery, or after it)" : "(in recovery)"}`;
  return `${what}; ${fate(lost, trace, failure.path[0]!.point)}`;
}

// What was done about lost bytes: telling these apart is half of finding the bug.
function fate({ store, byteOffset, byteLength }: LostStore, trace: Trace, point: number): string {
  if (store.order === "nontemporal") return "not drained in time";
  const at = trace.events.indexOf(store), end = byteOffset + byteLength;
  const flushes = trace.events.flatMap((event, i) => event.kind === "flush" ? [{ ...event, i }] : []);
  const covering = flushes.filter((flush) =>
    flush.byteOffset <= byteOffset && flush.byteOffset + flush.byteLength >= end
  );
  const place = (flush: FlushEvent) => sourceOf(flush.stack) ?? "an unknown line";
  const after = covering.find(({ i }) => i > at);
  if (after && after.i < point) {
    return after.sync === undefined
      ? `flushed at ${place(after)}, but not drained in time`
      : `synced at ${place(after)}, but not awaited in time`;
  }
  if (after) return `flushed only later, at ${place(after)}`;
  const part = flushes.find(({ i, ...flush }) =>
    i > at && flush.byteOffset < end && flush.byteOffset + flush.byteLength > byteOffset
  );
  if (part) return `flushed only in part, at ${place(part)}`;
  const before = covering.findLast(({ i }) => i < at);
  return before ? `flushed only before it was stored, at ${place(before)}` : "never flushed";
}

function call({ name, arg }: Operation): string {
  return `${name}(${arg === undefined ? "" : show(arg)})`;
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Infinity, maxArrayLength: 64 });
}
