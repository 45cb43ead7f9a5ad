// Runs inside the machine until the power is cut: one step of each part in turn, each acknowledged outside once it is durable.
//
// Arguments: the machine, its folder, the file of acknowledgements. That file lies on the host, which writes it at once, so
// an acknowledgement is never older than what it speaks of.
import { existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import process from "node:process";
import { checkAll } from "./check.ts";
import { parts } from "./parts.ts";

const [machine = "", folder = "", acknowledgements = ""] = process.argv.slice(2);
const tell = (words: string) => writeFileSync("/dev/console", `@@ ${words}\n`);

try {
  const bytes = existsSync(acknowledgements)
    ? readFileSync(acknowledgements)
    : new Uint8Array(Object.keys(parts[machine] ?? {}).length * 8);
  const steps = new Float64Array(bytes.slice().buffer);
  if (existsSync(acknowledgements)) {
    for (const verdict of checkAll(machine, folder, steps)) tell(`checked ${machine} ${verdict}`);
  }

  const out = openSync(acknowledgements, existsSync(acknowledgements) ? "r+" : "w+");
  const acknowledge = (first: number, count: number) =>
    writeSync(out, new Uint8Array(steps.buffer, first * 8, count * 8), 0, count * 8, first * 8);
  const running = Object.values(parts[machine] ?? {}).map(({ open, stepsPerTurn = 16 }, index) => ({
    step: open(folder, steps[index]!),
    stepsPerTurn,
  }));
  acknowledge(0, running.length);
  tell(`writing ${machine}`);
  for (;;) {
    for (const [index, { step, stepsPerTurn }] of running.entries()) {
      for (let turn = 0; turn < stepsPerTurn; turn++) {
        step(steps[index]!);
        steps[index]!++;
        acknowledge(index, 1);
      }
    }
  }
} catch (error) {
  tell(
    `trouble: the writer on ${machine}: ${String((error as Error).stack ?? error).replaceAll("\n", " | ")}`,
  );
}
