#!/usr/bin/env bun
/**
 * The command `daxfile`: `deno run --allow-ffi src/cli/main.ts …`, `bun src/cli/main.ts …`, or the package's own bin.
 *
 * @module
 */

import process from "node:process";
import { run } from "./run.ts";
import { terminal } from "./terminal.ts";

process.exitCode = await run(process.argv.slice(2), terminal());
