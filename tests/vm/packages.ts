// What the machines need from Debian: a few programs, installed, and a kernel image, only downloaded.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cached } from "./cache.ts";
import { command } from "./command.ts";

const needed = [
  "qemu-system-x86",
  "busybox-static",
  "cpio",
  "xz-utils",
  "e2fsprogs",
  "xfsprogs",
  "ndctl",
  "dmsetup",
  "attr",
];

/** The package that depends on the newest kernel image. */
const kernelMetaPackage = "linux-image-amd64";

function missingPackages(): string[] {
  const result = spawnSync("dpkg-query", ["-W", "-f=${Package} ${db:Status-Status}\n", ...needed], {
    encoding: "utf8",
  });
  if (result.error) {
    throw new Error("The pmem machine needs Debian or a system made from it: there is no dpkg-query");
  }
  const installed = new Set(result.stdout.split("\n"));
  return needed.filter((name) => !installed.has(`${name} installed`));
}

/**
 * Makes sure that the programs are there.
 *
 * @param install whether to install what is missing; if not, a missing package is an error that says what to type
 */
export function requirePackages(install: boolean): void {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const line = ["apt-get", "install", "--yes", "--no-install-recommends", ...missing];
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo"];
  if (!install) {
    throw new Error(
      `Debian packages are missing; install them, or add --install:\n  ${[...asRoot, ...line].join(" ")}`,
    );
  }
  for (const step of [["apt-get", "update"], line]) {
    const [program = "", ...args] = [...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", ...step];
    const result = spawnSync(program, args, { stdio: "inherit" });
    if (result.status !== 0) {
      throw new Error(`${step.join(" ")} failed with ${result.status ?? result.error?.message}`);
    }
  }
}

/** The path of Debian's newest kernel image package, downloaded at most once. */
export function kernelPackage(): string {
  const name = /Depends: (linux-image-\S+)/.exec(
    command("apt-cache", ["depends", "--important", kernelMetaPackage]),
  )?.[1];
  if (!name) {
    throw new Error(`apt knows no kernel image behind ${kernelMetaPackage}; "apt-get update" may help`);
  }
  const version = /^Version: (.+)$/m.exec(command("apt-cache", ["show", "--no-all-versions", name]))?.[1] ??
    "";
  const folder = cached("package", [name, version], (folder) => {
    command("apt-get", ["download", "--quiet", `${name}=${version}`], { cwd: folder });
  });
  const file = readdirSync(folder).find((entry) => entry.endsWith(".deb"));
  if (!file) throw new Error(`${folder} holds no package; remove it`);
  return join(folder, file);
}
