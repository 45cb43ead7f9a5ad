/**
 * `daxfile static get|on|off FILE`: whether a file's blocks cannot move, and to make it so.
 *
 * @module
 */

import { DaxError } from "../errors.ts";
import { probe } from "../probe.ts";
import { clearStatic, setStatic } from "../static.ts";
import { toBytes } from "../units.ts";
import { type Command, UsageError } from "./command.ts";
import { indent, wrap } from "./layout.ts";

const actions = ["get", "on", "off"];

/** The command. */
export const staticCommand: Command = {
  name: "static",
  operands: ["get|on|off", "FILE"],
  summary: "whether its blocks cannot move; make it so, undo it",
  description:
    "on makes FILE static: nobody can truncate, extend, punch, reflink, defragment, unlink or rename it, and a cache " +
    "flush is all that its bytes need to be durable. Where the kernel has daxctl(2) that does it, else the seal: the " +
    "immutable flag over a map of blocks that is proven. It needs root, or CAP_LINUX_IMMUTABLE. off makes it ordinary; " +
    "nobody may have it open. get changes nothing: the exit code is 0 where FILE is static, 1 where it is not.",
  options: { align: { type: "string", summary: "with on: alignment of its blocks in memory, such as 2M" } },
  run({ operands, options, json, terminal }) {
    const [action = "", path = ""] = operands;
    if (!actions.includes(action)) {
      throw new UsageError(`${JSON.stringify(action)} is none of ${actions.join(", ")}`);
    }
    const { align } = options;
    if (align !== undefined && action !== "on") throw new UsageError("--align goes with on");
    if (action === "on") setStatic(path, { align: typeof align === "string" ? toBytes(align) : 0 });
    if (action === "off") clearStatic(path);
    const { isStatic, staticWay, checks, exists, refusal } = probe(path);
    if (!exists) throw new DaxError({ operation: "open", error: refusal?.code ?? "ENOENT", path });
    const { reason, remedy, value } = checks.find(({ name }) => name === "static") ?? {};
    if (json) {
      const way = staticWay === undefined ? {} : { way: staticWay };
      const why = isStatic ? {} : { reason, remedy };
      terminal.print(JSON.stringify({ path, isStatic, ...way, ...why }, null, 2));
    } else if (action === "get") {
      const answer = isStatic ? `static${value?.replace(/^yes/, "")}` : `not static: ${reason}`;
      terminal.print(indent(wrap(`${path} is ${answer}`, terminal.columns), ""));
      if (!isStatic && remedy !== undefined) {
        terminal.print(terminal.style("cyan", indent(wrap(remedy, terminal.columns - 2), "→ ")));
      }
    } else {
      terminal.print(`${path} is ${isStatic ? "static" : "ordinary"} now`);
    }
    return action === "get" && !isStatic ? 1 : 0;
  },
};
