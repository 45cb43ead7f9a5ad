// The one place where a caller's offsets, lengths and numbers are checked and refused, as DaxFile refuses them.

/**
 * @throws {RangeError} unless the range is of whole bytes, not empty, and inside the region
 * @throws {TypeError} if an offset or a length is no number
 */
export function checkRange(byteOffset: number, byteLength: number, size: number): void {
  checkWhole("byteOffset", byteOffset);
  if (byteOffset >= size) {
    throw new RangeError(`byteOffset ${byteOffset} is not inside the region, which has ${size} bytes`);
  }
  checkWhole("byteLength", byteLength);
  if (byteLength > size - byteOffset) {
    throw new RangeError(
      `byteOffset ${byteOffset} and ${byteLength} bytes are not inside the region, which has ${size} bytes`,
    );
  }
  if (byteLength === 0) {
    throw new RangeError(`A range of 0 bytes at byteOffset ${byteOffset}: there is nothing to do`);
  }
}

/** @throws {RangeError} unless 8 bytes fit at a multiple of 8, and the value is an integer of 64 bits */
export function checkWord(byteOffset: number, value: bigint | number, size: number): void {
  checkRange(byteOffset, 8, size);
  checkAligned(byteOffset);
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new RangeError(`value ${value} is not an integer within ±2^53`);
  }
  if (typeof value !== "number" && typeof value !== "bigint") {
    throw new TypeError(`value is a number or bigint, not ${value}`);
  }
  if (value < -(2n ** 63n) || value >= 2n ** 64n) {
    throw new RangeError(`value ${value} does not fit into 64 bits`);
  }
}

/** @throws {RangeError} unless it is a multiple of 8 */
export function checkAligned(byteOffset: number): void {
  if (byteOffset % 8 !== 0) throw new RangeError(`byteOffset ${byteOffset} is not a multiple of 8`);
}

/**
 * @throws {RangeError} unless it has 32 bits
 * @throws {TypeError} if it is no number
 */
export function checkWord32(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${value}`);
  if (value >>> 0 === value || (value | 0) === value) return;
  throw new RangeError(`${name} ${value} is not an integer from -(2^31) to 2^32 - 1`);
}

/**
 * @throws {RangeError} unless it is a whole number up to the size of the region
 * @throws {TypeError} if it is no number
 */
export function checkPlace(name: string, value: number, size: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${value}`);
  if (Number.isInteger(value) && value >= 0 && value <= size) return;
  throw new RangeError(`${name} ${value} is not inside the region, which has ${size} bytes`);
}

/** @throws {RangeError} unless it is a byte */
export function checkByte(value: number): void {
  checkWhole("value", value);
  if (value > 255) throw new RangeError(`value ${value} is not a byte: at most 255`);
}

/** @throws {RangeError} unless an option is whole and between its limits */
export function checkOption(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new RangeError(`crash: ${name} is ${value}, must be a whole number from ${low} to ${high}`);
}

function checkWhole(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} is a number, not ${value}`);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} ${value} is not an integer from 0 to 2^53 - 1`);
  }
}
