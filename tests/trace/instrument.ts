/**
 * Makes a library write down itself what it does, where stepping through it would take too long: the compiler's assembly, the very
 * one that becomes the library's machine code, with a call of journal.zig before each instruction that stores, flushes or fences.
 * What comes of that is what the tracer writes of the same library; a test compares them.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { symbols } from "../../ffi/symbols.ts";
import { cached } from "../vm/cache.ts";
import { zig } from "./command.ts";
import { assembled } from "./library.ts";

/** Instructions that write to their first operand where that is memory; the processor knows more, the compiler has used these. */
const stores =
  /^(?:v?mov(?!nt)\w*|set\w+|and|or|xor|add|adc|sub|sbb|inc|dec|not|neg|shl|shr|sar|xadd|xchg|cmpxchg)$/;

/** Those that only read it. */
const reads = /^(?:cmp|test|bt|u?comis[sd]|prefetch\w+|push|call|jmp|i?div|i?mul)$/;

const streams = /^v?movnt(?:i|dq|p[sd])$/;

/** The numbers of `Kind` in journal.zig. */
const kinds = ["store", "stream", "clwb", "clflushopt", "clflush", "sfence", "mfence"] as const;

const widths: Readonly<Record<string, number>> = {
  byte: 1,
  word: 2,
  dword: 4,
  qword: 8,
  xmmword: 16,
  ymmword: 32,
  zmmword: 64,
};

/** Registers that a call may change, the vectors aside: journal.zig has none. */
const changed = ["rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11"];

const journal = fileURLToPath(new URL("journal.zig", import.meta.url));

/** Compiled without vector registers, and without calls of what only a C library has. */
const journalOptions = [
  ...["-O", "ReleaseSmall", "-fno-builtin", "-fstrip", "-fPIC", "-fno-single-threaded"],
  ...["-target", "x86_64-linux-none", "-mcpu", "baseline-mmx-sse-sse2-x87+soft_float"],
];

/** The library of an assembly, which writes to descriptor 3 what it does. */
export async function withJournal(assembly: string): Promise<Uint8Array<ArrayBuffer>> {
  const folder = cached("journal", [readFileSync(journal), journalOptions.join()], (folder) => {
    const parameters = ["build-obj", journal, ...journalOptions, "-femit-bin=journal.o"];
    execFileSync(zig, parameters, { cwd: folder, stdio: "pipe" });
  });
  return await assembled(instrumented(assembly), [`${folder}/journal.o`]);
}

/**
 * The same assembly (x86-64, as LLVM writes it for Intel's syntax), which writes down what it does.
 *
 * @throws {Error} if it has an instruction with memory for its first operand that this does not know
 */
function instrumented(assembly: string): string {
  if (!assembly.includes(".intel_syntax noprefix")) throw new Error("The assembly is not of Intel's syntax");
  const lines = assembly.split("\n").map((line) => {
    const exported = /^(daxfile\w+) = (\S+)$/.exec(line);
    if (exported !== null && exported[1]! in symbols) return wrapper(exported[1]!, exported[2]!);
    const [, mnemonic = "", operands = ""] = /^\t(?:lock\s+)?(\w+)\s*(.*)$/.exec(line) ?? [];
    return mnemonic === "syscall" ? systemCall : before(mnemonic, operands) + line;
  });
  return [...lines, "\t.text", ...Object.entries(stubs).map(([name, code]) => `${name}:\n${code}`), ""].join(
    "\n",
  );
}

/** Below the stack's end lies memory that a function may use without saying so (the System V ABI's red zone: 128 bytes). */
function aside(code: string): string {
  return `\tlea rsp, [rsp - 128]\n\tpush rax\n${code}\tpop rax\n\tlea rsp, [rsp + 128]\n`;
}

/** What goes before an instruction: nothing for most. No flag is changed. */
function before(mnemonic: string, operands: string): string {
  if (mnemonic === "sfence" || mnemonic === "mfence") return event(mnemonic, 0, "0");
  if (/^rep/.test(mnemonic)) throw new Error(`This instruction is new: ${mnemonic} ${operands}`);
  const [, width, address] = /^(\w+) ptr \[([^\]]*)\]/.exec(operands) ?? [];
  if (width === undefined || address === undefined || reads.test(mnemonic)) return "";
  const kind = /^(?:clwb|clflushopt|clflush)$/.test(mnemonic)
    ? mnemonic
    : streams.test(mnemonic)
    ? "stream"
    : stores.test(mnemonic)
    ? "store"
    : undefined;
  const byteLength = widths[width];
  if (kind === undefined || byteLength === undefined) {
    throw new Error(`This instruction is new: ${mnemonic} ${operands}`);
  }
  // The stack and the library's own variables are no part of a file
  return /\br(?:sp|ip)\b/.test(address) ? "" : event(kind, byteLength, address);
}

function event(kind: string, byteLength: number, address: string): string {
  const number = kinds.indexOf(kind as typeof kinds[number]) + 256 * byteLength;
  return aside(
    `\tlea rax, [${address}]\n\tpush ${number}\n\tcall .Ljournal_event\n\tlea rsp, [rsp + 8]\n`,
  );
}

/** Saves what a call may change, calls with what two more lines make of it, and restores it. */
function stub(name: string, parameters: string): string {
  return [
    ...["pushfq", "push rbp", "mov rbp, rsp", ...changed.map((register) => `push ${register}`)],
    ...[parameters, "and rsp, -16", `call ${name}`, `lea rsp, [rbp - ${8 * changed.length}]`],
    ...[...changed.toReversed().map((register) => `pop ${register}`), "pop rbp", "popfq", "ret"],
  ].map((line) => `\t${line}`).join("\n");
}

const stubs: Readonly<Record<string, string>> = {
  ".Ljournal_event": stub("journal_event", "mov rdi, rax\n\tmov rsi, qword ptr [rbp + 24]"),
  ".Ljournal_system": stub("journal_system", "mov rdi, rsp\n\tmov rsi, rax"),
  ".Ljournal_system_result": stub("journal_system_result", "mov rdi, rax"),
};

const systemCall = aside("\tcall .Ljournal_system\n") + "\tsyscall\n" +
  aside("\tcall .Ljournal_system_result\n");

/** An exported function: says that it is called and with what, and when it returns; all parameters are in registers. */
function wrapper(name: string, own: string): string {
  const types: string[] = Object.values(
    (symbols as Record<string, { readonly parameters: object }>)[name]!.parameters,
  );
  const vectors = types.filter((type) => type === "f64").length;
  if (vectors > 7 || types.length - vectors > 4) throw new Error(`${name} has more parameters than are told`);
  const general = ["rcx", "rdx", "rsi", "rdi"];
  return [
    "\t.text",
    `${name}:`,
    ...general.map((register) => `\tpush ${register}`),
    "\tsub rsp, 72",
    ...Array.from({ length: 7 }, (_, i) => `\tmovq qword ptr [rsp + ${8 * i}], xmm${i}`),
    `\tlea rdi, [rip + .Lname_${name}]\n\tmov esi, ${name.length}\n\tmov rdx, rsp`,
    "\tcall journal_call\n\tadd rsp, 72",
    ...general.toReversed().map((register) => `\tpop ${register}`),
    `\tpush rax\n\tcall ${own}\n\tmov qword ptr [rsp], rax\n\tmov edi, eax`,
    "\tcall journal_return\n\tpop rax\n\tret",
    `.Lname_${name}:\n\t.asciz "${name}"`,
  ].join("\n");
}
