/**
 * Crash simulation for structures on persistent memory: cut the power everywhere, and see what recovery finds.
 *
 * @module
 */
export { crash } from "./crash.ts";
export { CrashError, type CrashErrorKind } from "./crash_error.ts";
export type { Shown } from "./expectation.ts";
export type { Failure, FailureKind, LostStore, PathStep } from "./failure.ts";
export type { Model } from "./model.ts";
export type { Budget, CrashOptions, CrashReport, Operation, Program, Reference, Tester } from "./options.ts";
export { record } from "./record.ts";
export {
  arbitrarySequences,
  type Domain,
  type FastCheck,
  type OperationOf,
  type SequenceOptions,
  sequences,
} from "./sequences.ts";
export type {
  BeginEvent,
  CloseEvent,
  DrainEvent,
  EndEvent,
  FlushEvent,
  Order,
  RecoveredEvent,
  StoreEvent,
  Trace,
  TraceEvent,
} from "./trace.ts";
export type { Region } from "../../mod.ts";
