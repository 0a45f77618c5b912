// @ts-check
// Reads what `payload.py` packs: words as JSON, then arrays as raw planes that share the blob's memory.

const ARRAYS = { float32: Float32Array, uint8: Uint8Array, int32: Int32Array };
const MAGIC = "SATN";
const VERSION = 1;

/**
 * A plane: the numbers of an array, row by row, and its sides.
 * @typedef {Float32Array & { shape: number[] }} Floats
 * @typedef {Uint8Array & { shape: number[] }} Bytes
 * @typedef {Int32Array & { shape: number[] }} Integers
 */

/**
 * The words of a payload, with each plane as a typed array under `planes`.
 * @param {Uint8Array} bytes
 * @returns {any}
 */
export function unpack(bytes) {
  // A view at an odd address cannot be read as 32-bit numbers: copy it once.
  const blob = bytes.byteOffset % 4 ? bytes.slice() : bytes;
  const header = new DataView(blob.buffer, blob.byteOffset, 12);
  const magic = String.fromCharCode(...blob.subarray(0, 4));
  if (magic !== MAGIC || header.getUint32(4, true) !== VERSION) {
    throw new Error(`Expected a ${MAGIC} payload of version ${VERSION}; reload the page.`);
  }
  const length = header.getUint32(8, true);
  const about = JSON.parse(new TextDecoder().decode(blob.subarray(12, 12 + length)));
  const start = blob.byteOffset + 12 + length;
  for (const [name, { type, shape, offset }] of Object.entries(about.planes)) {
    const count = shape.reduce((product, side) => product * side, 1);
    about.planes[name] = new ARRAYS[type](blob.buffer, start + offset, count);
    about.planes[name].shape = shape;
  }
  return about;
}
