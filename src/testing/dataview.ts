// A DataView that tells of every load and store. Its methods name their size, so no Proxy is needed.
import { PLACE, type Place, type ViewOwner } from "./views.ts";

const widths = {
  ...{ Int8: 1, Uint8: 1, Int16: 2, Uint16: 2, Float16: 2, Int32: 4, Uint32: 4, Float32: 4 },
  ...{ Float64: 8, BigInt64: 8, BigUint64: 8 },
};

type Methods = Record<string, (byteOffset: number, ...rest: unknown[]) => unknown>;

const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = [0, 1, 2, 4, 8].map((length) => new Uint8Array(scratch.buffer, 0, length));
const bytesOfWidth: Record<number, Uint8Array> = Object.fromEntries(scratchBytes.map((b) => [b.length, b]));

class RecordedDataView {
  readonly #owner: ViewOwner;
  readonly #start: number;
  readonly #length: number;
  // Gives the values, and throws for an offset outside as any DataView does.
  readonly #real: DataView;

  constructor(owner: ViewOwner, byteOffset: number, byteLength: number) {
    this.#owner = owner;
    this.#start = byteOffset;
    this.#length = byteLength;
    this.#real = new DataView(owner.memory.bytes.buffer, byteOffset, byteLength);
  }

  get buffer(): ArrayBuffer {
    return this.#owner.memory.expose();
  }
  get byteOffset(): number {
    return this.#start;
  }
  get byteLength(): number {
    return this.#owner.closed ? 0 : this.#length;
  }

  get [PLACE](): Place {
    return { memory: this.#owner.memory, byteOffset: this.#start, byteLength: this.byteLength };
  }

  static {
    for (const [type, width] of Object.entries(widths)) {
      if (!(`get${type}` in DataView.prototype)) continue; // Float16 is recent
      const method = <F>(name: string, value: F) => Object.defineProperty(this.prototype, name, { value });
      const real = (view: RecordedDataView) => view.#real as unknown as Methods;
      method(`get${type}`, function (this: RecordedDataView, byteOffset: number, littleEndian?: boolean) {
        const at = this.#check(byteOffset, width);
        if (at >= 0) this.#owner.memory.read(this.#start + at, width);
        return real(this)[`get${type}`]!(at, littleEndian);
      });
      method(
        `set${type}`,
        function (this: RecordedDataView, byteOffset: number, value: unknown, le?: boolean) {
          const at = this.#check(byteOffset, width);
          if (at < 0) return void real(this)[`set${type}`]!(at, value, le);
          (scratch as unknown as Methods)[`set${type}`]!(0, value, le);
          this.#owner.memory.store(this.#start + at, bytesOfWidth[width]!, "ordered");
        },
      );
    }
    Object.setPrototypeOf(this.prototype, DataView.prototype);
  }

  // The offset as DataView understands it, or -1, at which the real one throws.
  #check(byteOffset: number, width: number): number {
    const at = Math.trunc(Number(byteOffset)) || 0;
    return at + width <= this.byteLength ? at : -1;
  }
}

/** A recorded DataView of a range; `instanceof DataView` holds. */
export function dataView(owner: ViewOwner, byteOffset: number, byteLength: number): DataView {
  return new RecordedDataView(owner, byteOffset, byteLength) as unknown as DataView;
}
