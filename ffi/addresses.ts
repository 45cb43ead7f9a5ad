/**
 * Remembers where the bytes of one view lie: programs that write often do it from the same few bytes, and to ask a runtime costs more
 * than to copy them.
 *
 * @module
 */

/**
 * Gives the address of a view that is asked for twice or more in a row, and undefined at the first time.
 *
 * Both engines keep the bytes of small arrays where their collector can move them, or drops them, once their buffer is asked for. So
 * it is asked for here, and from then on the bytes stay where they are until the buffer is moved away: its views are empty then.
 *
 * @param ask where a buffer begins; asked once for a view
 * @returns see `quickAddressOf` of a runtime
 */
export function rememberAddress(
  ask: (buffer: ArrayBuffer) => number,
): (view: ArrayBufferView, learn?: boolean) => number | undefined {
  let last: ArrayBufferView | undefined, address = 0;
  return (view, learn = true) => {
    if (view === last && address !== 0) return address;
    if (!learn) return undefined;
    if (view !== last) {
      last = view;
      address = 0;
      return undefined;
    }
    const { buffer, byteOffset } = view;
    if (!(buffer instanceof ArrayBuffer)) return undefined;
    return address = ask(buffer) + byteOffset;
  };
}
