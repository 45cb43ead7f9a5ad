// Looks at what a cut left, on the host or in the machine after its next boot.
import { parts } from "./parts.ts";

/**
 * One line for each part of the machine: its name, "ok", "lost" or "wrong", and why. Only a control may have lost anything.
 *
 * @param folder the file system after the cut
 * @param acknowledged steps by part
 */
export function checkAll(machine: string, folder: string, acknowledged: Float64Array): string[] {
  return Object.entries(parts[machine] ?? {}).map(([name, part], index) => {
    let wrong: string | undefined;
    try {
      wrong = acknowledged[index]! > 0 ? part.check(folder, acknowledged[index]!) : undefined;
    } catch (error) {
      wrong = String((error as Error).stack ?? error).replaceAll("\n", " | ");
    }
    return `${name} ${wrong === undefined ? "ok" : part.isControl ? "lost" : `wrong: ${wrong}`}`;
  });
}
