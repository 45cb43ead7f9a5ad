// From a stack trace to the line that a person looks for.

const here = new URL(".", import.meta.url).href;
const library = new URL("..", import.meta.url).href;

/** Runs a body with stack traces long enough to leave the library. */
export async function withLongStacks<T>(body: () => Promise<T>): Promise<T> {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  try {
    return await body();
  } finally {
    Error.stackTraceLimit = before;
  }
}

/**
 * Where a store, flush or drain was called from: the first line outside this folder, and if that is inside the
 * library, the first line of the user's too. `undefined` without a stack.
 */
export function sourceOf(stack: string | undefined): string | undefined {
  const frames = (stack?.split("\n") ?? []).map(locate).filter((place) => place !== undefined);
  const first = frames.findIndex((place) => !within(place, here));
  if (first < 0) return undefined;
  const user = within(frames[first]!, library) &&
    frames.slice(first).find((place) => !within(place, library));
  return shorten(frames[first]!) + (user ? `, called at ${shorten(user)}` : "");
}

// "at f (file:///a/b.ts:1:2)", "at file:///a/b.ts:1:2", "at /a/b.ts:1:2": Deno writes URLs, Bun paths.
function locate(line: string): string | undefined {
  const place = /\(?((?:[a-z][a-z+.-]*:\/\/|\/)[^()]*:\d+:\d+)\)?$/i.exec(line.trim())?.[1];
  return place && !/^(node|ext|native|bun):/.test(place) ? place : undefined;
}

function within(place: string, folder: string): boolean {
  return place.startsWith(folder) || place.startsWith(folder.replace("file://", ""));
}

// The folder and the file say enough; a whole path does not fit on the line.
function shorten(place: string): string {
  return place.split("/").slice(-2).join("/");
}
