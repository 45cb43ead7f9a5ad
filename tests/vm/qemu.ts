// Starts one QEMU, listens to its serial console and makes sure that it ends.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";

/** Everything that a guest is made of. */
export interface GuestOptions {
  /** A bzImage or an ELF file that starts by PVH. */
  kernel: string;
  initramfs: string;
  kernelParameters: readonly string[];
  /** Further arguments of QEMU: machine type, memory, devices, shared folders. */
  args: readonly string[];
  processors: number;
  /** tcg works everywhere; kvm is faster where it works. */
  accelerator: string;
  /** Where everything that the guest prints is kept. */
  consolePath: string;
  /** Removed if this process is killed before it can do so itself; nothing, to keep all. */
  folderToRemove?: string;
  /** The guest is killed after so many seconds. */
  timeoutSeconds: number;
  /** Called with each line that the guest's scripts address to the harness. */
  onTell: (words: string) => void;
}

/** A running guest. */
export interface Guest {
  /** Resolves when QEMU has ended, to the reason if it had to be killed. */
  readonly finished: Promise<string | undefined>;
  /** Kills it at once, as a power cut does. */
  stop(reason: string): void;
}

/** Booting takes 3 to 6 seconds; a host busy with other things may need much longer. */
const bootSeconds = 120;

/**
 * A shell between us and QEMU reads a line from us. The line, or the end of its input, which comes however this process
 * dies, SIGKILL included, makes it kill QEMU; after such a death it removes what we can no longer remove.
 */
const keeper = `
exec 3<&0
folder=$1
shift
"$@" 3<&- </dev/null &
guest=$!
{
  read -r _ || orphaned=true
  trap "" TERM
  kill -9 $guest
  [ -z "$orphaned" ] || [ -z "$folder" ] || rm -rf "$folder"
} <&3 >/dev/null 2>&1 &
watcher=$!
exec 3<&-
{ wait $guest; } 2>/dev/null
code=$?
kill $watcher 2>/dev/null
exit $code`;

/** Starts a guest. */
export function startGuest(options: GuestOptions): Guest {
  const child = spawn("/bin/sh", [
    "-c",
    keeper,
    "sh",
    options.folderToRemove ?? "",
    "qemu-system-x86_64",
    ...qemuArgs(options),
  ]);
  let stopped: string | undefined;
  const stop = (reason: string) => {
    stopped ??= reason;
    child.stdin.end("stop\n");
  };

  // The shell may have ended by itself just before; its absence is no error.
  child.stdin.on("error", () => {});

  const console = createWriteStream(options.consolePath);
  const limit = setTimeout(
    () => stop(`the guest ran longer than ${options.timeoutSeconds} s`),
    options.timeoutSeconds * 1000,
  );
  const bootLimit = setTimeout(() => stop(`the guest did not boot in ${bootSeconds} s`), bootSeconds * 1000);
  child.stderr.on("data", (bytes) => console.write(bytes));
  createInterface({ input: child.stdout }).on("line", (line) => {
    console.write(line + "\n");
    const words = /@@ (.*)/.exec(line)?.[1]?.trim();
    if (words === undefined) return;
    if (words === "booted") clearTimeout(bootLimit);
    options.onTell(words);
  });

  const finished = new Promise<string | undefined>((resolve) => {
    child.on("error", (error) => stopped ??= error.message);
    child.on("close", (code) => {
      clearTimeout(limit);
      clearTimeout(bootLimit);
      console.end(() => resolve(stopped ?? (code === 0 ? undefined : `QEMU ended with ${code}`)));
    });
  });
  return { finished, stop };
}

function qemuArgs(options: GuestOptions): string[] {
  // quiet: each line on the emulated serial port costs time. panic=-1 with -no-reboot: a panic ends QEMU, and an oops
  // is a panic. nokaslr and mitigations=off only shorten the boot. norandmaps: QEMU translates code for the address at which it
  // lies, so a program that is loaded at another one each time is translated anew each time, which takes longer than it runs.
  const parameters = [
    "console=ttyS0",
    "quiet",
    "no_timer_check",
    "panic=-1",
    "oops=panic",
    "nokaslr",
    "mitigations=off",
    "norandmaps",
  ];
  return [
    ...["-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"],
    // Without erms, with which Linux fills and copies pages by rep stosb and rep movsb: they are emulated byte by byte. Without
    // pku, by which V8 guards the code that it makes: each change of those rights empties the emulated TLB.
    ...["-accel", options.accelerator, "-cpu", "max,-erms,-pku", "-smp", String(options.processors)],
    ...["-kernel", options.kernel, "-initrd", options.initramfs],
    ...["-append", [...parameters, ...options.kernelParameters].join(" ")],
    ...options.args,
  ];
}

/** The arguments that show a folder of the host to the guest under a tag. */
export function sharedFolder(tag: string, path: string, readOnly: boolean): string[] {
  const escaped = path.replaceAll(",", ",,");
  const rights = readOnly ? ",readonly=on" : "";
  return ["-virtfs", `local,path=${escaped},mount_tag=${tag},security_model=none,multidevs=remap${rights}`];
}
