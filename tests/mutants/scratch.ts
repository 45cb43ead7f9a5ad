/** A folder for everything that mutants leave behind: copies, libraries, what the compiler remembers of mutants. It goes with this process, however it ends. */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { disk } from "../helpers/places.ts";

/** Makes it the temporary folder of this process and of all that it starts. */
export function useScratch(): Disposable & { readonly directory: string } {
  const place = disk();
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = place.directory;
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
      if (TMPDIR === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = TMPDIR;
      place[Symbol.dispose]();
    },
  };
}

/** What this process has started, by the kernel's list; what those have started ends with them or is let go. */
function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number)
  );
}
