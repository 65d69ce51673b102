/** The text of a body that comes in parts: put together in one piece of memory that is used again. */
import { isAscii, isUtf8 } from 'node:buffer'

const bytesLeast = 64 * 1024
/** Some write it before the text; it is no part of it. */
const byteOrderMark = Buffer.from('\uFEFF')

/** Collects the parts of one body after the other. */
export class BodyText {
  #memory = Buffer.allocUnsafeSlow(bytesLeast)
  #bytes = 0

  /** How many there are. */
  get bytes(): number {
    return this.#bytes
  }

  add(part: Uint8Array): void {
    const bytes = this.#bytes + part.byteLength
    if (bytes > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#memory.length))
      this.#memory.copy(larger, 0, 0, this.#bytes)
      this.#memory = larger
    }
    this.#memory.set(part, this.#bytes)
    this.#bytes = bytes
  }

  /** The text of what was added, and begins anew; undefined where it is not in UTF-8: read leniently, two texts would become one. */
  take(): string | undefined {
    const all = this.#memory.subarray(0, this.#bytes)
    this.#bytes = 0
    if (isAscii(all)) return all.toString('latin1')
    const text = all.subarray(byteOrderMark.equals(all.subarray(0, 3)) ? byteOrderMark.length : 0)
    return isUtf8(text) ? text.toString() : undefined
  }
}
