// Cuts the power of machines that write, again and again, and looks whether everything that was acknowledged is there.
//
// A cut is a copy of the paused machine's persistent memory: its page cache, its journal in progress and all its processes are
// then gone, as at a power failure, and the file system is mounted from the copy. Every emulated store reaches that memory at once,
// so what is tested is the file system's half (allocation, MAP_SYNC, static-dax, the order of operations), never a missing flush:
// that is what the crash simulation is for. The machine is also really killed and booted again.
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installPackages } from "../../helpers/install.ts";
import { initramfs } from "../initramfs.ts";
import { debianKernel, type Kernel, ourKernel } from "../kernel.ts";
import { kernelPackage, requirePackages } from "../packages.ts";
import { type Bench, PoweredGuest } from "./powered_guest.ts";
import { Tally } from "./tally.ts";

const usage = `deno run -A tests/vm/power/run.ts [OPTIONS]

Cuts the power of machines that write, and checks that everything acknowledged is there. As root: images are mounted.
At last one machine with our own kernel (../../../kernel, built if need be) is killed and booted again under each runtime.

  --cuts N     copies of a paused machine's memory (default 200), half of them while Deno writes, half while Bun does
  --kills N    machines killed and booted again (default 5)
  --install    install missing Debian packages (as with CI=true)
  --keep       keep images, consoles and logs`;

const checkout = realpathSync(fileURLToPath(new URL("../../../", import.meta.url)));

/** Who writes where. The control is on the virtio device, so it is there in one of the two; an ordinary disk in the other. */
const benches = [
  { runtime: "deno", machines: ["ext4", "xfs", "disk"] },
  { runtime: "bun", machines: ["ext4", "virtio-pmem"] },
] as const;

/** Where files are static by the system call, which the next boot forgets; what was written is there. */
const withCall = ["ext4", "xfs"];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      cuts: { type: "string", default: "200" },
      kills: { type: "string", default: "5" },
      install: { type: "boolean", default: process.env["CI"] === "true" },
      keep: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [cuts, kills] = [Number(values.cuts), Number(values.kills)];
  if (!Number.isInteger(cuts) || !Number.isInteger(kills) || cuts < 0 || kills < 0) {
    throw new RangeError(`--cuts and --kills want whole numbers, not "${values.cuts}" and "${values.kills}"`);
  }
  // Mounts in a namespace of its own end with this process, however it ends
  if (process.env["DAXFILE_OWN_MOUNTS"] !== "1") {
    const again = spawnSync("unshare", [
      "--mount",
      "--propagation",
      "private",
      process.execPath,
      "run",
      "-A",
      ...process.argv.slice(1),
    ], {
      stdio: "inherit",
      env: { ...process.env, DAXFILE_OWN_MOUNTS: "1" },
    });
    return again.status ?? 1;
  }
  installPackages();
  requirePackages(values.install);
  const boot = ({ image, modules }: Kernel) => ({ kernel: image, initramfs: initramfs(modules) });
  const boots = { debian: boot(debianKernel(kernelPackage())), daxctl: boot(ourKernel(values.install)) };
  const folder = mkdtempSync(join(tmpdir(), "daxfile-power-"));
  const tally = new Tally();
  const setup = { checkout, boots, folder };
  const guests = new Set<PoweredGuest>();
  const run = async (bench: Bench, cuts: number, kills: number) => {
    const guest = new PoweredGuest(bench, setup, tally);
    guests.add(guest);
    await guest.boot();
    for (let n = cuts; n > 0; n--) await guest.cut();
    for (let n = kills; n > 0; n--) {
      await guest.kill();
      await guest.boot();
    }
    guests.delete(guest);
    await guest.end();
  };
  try {
    // The first trouble ends them all
    await Promise.all(benches.map(async ({ runtime, machines }, index) => {
      const share = (total: number) => Math.floor((total + index) / benches.length);
      await run({ runtime, kernel: "debian", machines }, share(cuts), share(kills));
      await run({ runtime, kernel: "daxctl", machines: withCall }, 0, 1);
    }));
  } catch (error) {
    tally.trouble((error as Error).message);
  }
  for (const guest of guests) await guest.end();
  if (values.keep) console.log(`Kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  return tally.close();
}

try {
  // At once: after a trouble another guest's next step may still be waiting
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
