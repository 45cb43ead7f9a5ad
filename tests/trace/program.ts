/**
 * The program that is traced: stops itself once the library is loaded, where there is a tracer, then runs the workload once for each phase, on a new file.
 * Parameters: a directory on a disk, and the names of the phases if not all.
 */

import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { library } from "../../ffi/library.ts";
import { open } from "../../mod.ts";
import { withNative } from "../helpers/native.ts";
import { phases } from "./phases.ts";
import { workload, workloadBytes } from "./workload.ts";

const [directory, ...names] = process.argv.slice(2);
library();
const chosen = phases(names);
// Here the tracer sets its breakpoints; a library that writes down itself what it does needs none
if (process.env["DAXFILE_TRACED"]) process.kill(process.pid, "SIGSTOP");
for (const phase of chosen) {
  await withNative((real) => ({ daxfile1_cpu: () => phase.cpu(real.daxfile1_cpu()) }), async () => {
    using file = open(`${directory}/${phase.name}.dax`, {
      create: true,
      size: workloadBytes,
      forceGranularity: phase.granularity,
    });
    await workload(file, phase);
    const opened = openSync(file.path, "r");
    for (const dataOnly of [0, 1]) library().native.daxfile1_sync(opened, dataOnly);
    closeSync(opened);
  });
}
