/**
 * The groups of rows, in the order in which they run, and to what degree both sides are durable in each.
 *
 * @module
 */

const memory = "survives the end of the process and no power cut, as tmpfs is taken for persistent memory";

/** What each group's figures mean. */
export const groups = {
  persist:
    `Both sides write the cache lines back and fence: ${memory}. What differs is said in a row's name.`,
  copy: `Both sides copy, write the cache lines back or store past the caches, and fence: ${memory}.`,
  struct: "Neither side makes anything durable: these are the loads and stores alone.",
  log:
    `On memory, ours and PMDK's write the lines back and fence, and lmdb's and SQLite's fdatasync has nothing to do: ` +
    `${memory}. On the disk ours calls msync and the others fdatasync: survives a power cut, as far as the disk keeps its word.`,
  transaction: `Both sides are all or nothing, write the lines back and fence: ${memory}.`,
  reading: "Neither side makes anything durable: these are opening, loads and stores.",
  disk:
    "On the disk. Ours calls msync, the other side fdatasync, and both wait: survives a power cut, as far as the disk keeps its word.",
  growth: `Ours against itself, smaller or fewer; all with the lines written back and fenced: ${memory}.`,
  processes: `Ours against itself, in one process; all with the lines written back and fenced: ${memory}.`,
  start: "Neither side makes anything durable: a program that opens a file, against one that does nothing.",
  memory:
    "Neither side makes anything durable: the process's own memory (RssAnon), without the file's pages.",
  allocation: "Bytes of the engine's heap that one operation allocates, with nothing collected meanwhile.",
  size: "Nothing runs: the bytes of the native library that the package carries.",
} as const;

/** The name of a group. */
export type Group = keyof typeof groups;

/** The groups that suite.ts measures within one process; the others start programs of their own. */
export type SuiteGroup = Exclude<Group, "processes" | "start" | "memory" | "allocation" | "size">;
