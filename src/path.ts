/**
 * Paths as callers give them: a string, or a file URL.
 *
 * @module
 */

/** The longest path that Linux takes, in bytes, its NUL not counted (PATH_MAX). */
const limitBytes = 4095;

/**
 * The path as a string, as it goes to the system.
 *
 * @throws {TypeError} if it is neither a string nor a file URL, is empty or longer than 4095 bytes, or holds a NUL or half a surrogate
 *   pair, for which there are no bytes
 */
export function toPath(path: string | URL): string {
  const text = path instanceof URL ? fromUrl(path) : path;
  if (typeof text !== "string") {
    throw new TypeError(`A path is a string or a file URL, not ${describe(path)}`);
  }
  if (text === "") throw new TypeError("The path is empty");
  if (text.includes("\0")) throw new TypeError(`The path holds a NUL character: ${JSON.stringify(text)}`);
  if (!text.isWellFormed()) throw new TypeError(`The path is not well-formed: ${JSON.stringify(text)}`);
  const byteLength = new TextEncoder().encode(text).byteLength;
  if (byteLength > limitBytes) {
    throw new TypeError(`The path is ${byteLength} bytes long, and Linux takes at most ${limitBytes}`);
  }
  return text;
}

/** What node:url's fileURLToPath does for Linux; importing that module takes Deno 7 ms, as long as all of this library. */
function fromUrl(url: URL): string {
  if (url.protocol !== "file:" || url.hostname !== "") {
    throw new TypeError(`Not the URL of a local file: ${url.href}`);
  }
  if (/%2f/i.test(url.pathname)) throw new TypeError(`The URL holds an encoded slash: ${url.href}`);
  return decodeURIComponent(url.pathname);
}

/** The directory that holds a path's last name. */
export function parentOf(path: string): string {
  const end = path.replace(/\/+$/, "").lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : path.slice(0, end);
}

/** A value in words, for messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "no class"})`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return `the function ${value.name || "without a name"}`;
  return typeof value === "bigint" ? `${value}n` : `${typeof value} ${String(value)}`;
}
