// The first file system of a guest: busybox, the kernel's modules and guest/init.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { cached } from "./cache.ts";
import { command } from "./command.ts";

const busybox = "/bin/busybox";
const init = join(import.meta.dirname ?? "", "guest", "init");

/**
 * The path of an initramfs that loads these modules in this order.
 *
 * It is not compressed: the emulated processor would take longer to unpack it than QEMU to copy it.
 */
export function initramfs(modules: readonly string[]): string {
  const inputs = [busybox, init, ...modules].map((path) => readFileSync(path));
  const folder = cached("initramfs", inputs, (folder) => {
    const root = join(folder, "root");
    mkdirSync(join(root, "bin"), { recursive: true });
    mkdirSync(join(root, "modules"));
    copyFileSync(busybox, join(root, "bin", "busybox"));
    copyFileSync(init, join(root, "init"));
    chmodSync(join(root, "init"), 0o755);
    for (const path of modules) copyFileSync(path, join(root, "modules", basename(path)));
    writeFileSync(join(root, "modules", "order"), modules.map((path) => `${basename(path)}\n`).join(""));
    const names = readdirSync(root, { recursive: true }).map(String).sort();
    command("cpio", ["-o", "-H", "newc", "--quiet", "-O", join(folder, "initramfs")], {
      cwd: root,
      input: names.map((name) => `${name}\n`).join(""),
    });
    rmSync(root, { recursive: true });
  });
  return join(folder, "initramfs");
}
