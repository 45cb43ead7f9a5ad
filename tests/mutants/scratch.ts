/** A folder for everything that mutants leave behind: copies, libraries, compilers' caches. It goes with this process, however it ends. */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { disk } from "../helpers/places.ts";

/** Makes it the temporary folder of this process and of all that it starts. */
export function useScratch(): Disposable & { readonly directory: string } {
  const place = disk();
  const { TMPDIR, ZIG_GLOBAL_CACHE_DIR } = process.env;
  process.env["TMPDIR"] = place.directory;
  process.env["ZIG_GLOBAL_CACHE_DIR"] = place.path("zig");
  const end = (signal: NodeJS.Signals) => {
    for (const pid of children()) process.kill(pid, "SIGKILL");
    place[Symbol.dispose]();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  return {
    directory: place.directory,
    [Symbol.dispose]() {
      process.off("SIGINT", end);
      process.off("SIGTERM", end);
      restore("TMPDIR", TMPDIR);
      restore("ZIG_GLOBAL_CACHE_DIR", ZIG_GLOBAL_CACHE_DIR);
      place[Symbol.dispose]();
    },
  };
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** What this process has started, by the kernel's list; what those have started ends with them or is let go. */
function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number)
  );
}
