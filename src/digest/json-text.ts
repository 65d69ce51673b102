/**
 * JSON text as `jsonb` writes it. Most texts that travel are written so already, by PostgreSQL or by a service that kept
 * what PostgreSQL wrote: such a text is read once and given back as it came. Only what is written otherwise is put together
 * anew.
 */
import { canonicalText } from './canonical.ts'
import type { Kept } from './form.ts'
import { JsonReader, type Spelling } from './json-reader.ts'

/**
 * JSON text as `jsonb` writes it: keys by length and then by bytes, the last of equal ones, numbers without exponents or
 * trailing zeros; with `keeps` also what `jsonb` forgets: all of equal keys in their order, and the sign of a zero.
 * Undefined when it is no JSON.
 *
 * @example
 * jsonTextOf('{"b":1.50,"a":[1e2]}') // '{"a": [100], "b": 1.5}'
 * jsonTextOf('{"a":1,"a":-0}', ['sign', 'doubles']) // '{"a": 1, "a": -0}'
 */
export function jsonTextOf(text: string, keeps: readonly Kept[] = []): string | undefined {
  try {
    return new Writer(text, keeps).whole()
  } catch {
    return undefined
  }
}

/** Reads a text once. What reads a value goes behind it, and gives its text, or null where that is the one it has. */
class Writer {
  readonly #from: JsonReader
  readonly #hasSign: boolean
  readonly #hasDoubles: boolean
  /** Where names and values lie, of all members of the objects that are being read: four places a member. */
  readonly #places: number[] = []

  constructor(text: string, keeps: readonly Kept[]) {
    this.#from = new JsonReader(text)
    this.#hasSign = keeps.includes('sign')
    this.#hasDoubles = keeps.includes('doubles')
  }

  whole(): string {
    const reader = this.#from
    reader.skipBlanks()
    const from = reader.at
    const value = this.#value()
    const to = reader.at
    reader.skipBlanks()
    if (!reader.isAtEnd()) throw reader.wrong()
    return value ?? reader.text.slice(from, to)
  }

  #value(): string | null {
    const reader = this.#from
    const kind = reader.kind()
    if (kind === 'object') return this.#object()
    if (kind === 'list') return this.#list()
    if (kind === 'number') return reader.skipPlainNumber() ? null : this.#otherNumber()
    if (kind === 'word') {
      reader.skipWord()
      return null
    }
    const from = reader.at
    reader.readString()
    return reader.spelling === 'other' ? JSON.stringify(reader.parsed(from, reader.at)) : null
  }

  #otherNumber(): string | null {
    const written = this.#from.skipNumber()
    const text = plainDecimal(written, this.#hasSign)
    return text === written ? null : text
  }

  #object(): string | null {
    const reader = this.#from
    const firstPlace = this.#places.length
    let isSame = !reader.open()
    if (reader.closes('object')) return isSame ? null : '{}'
    let others: Map<number, string> | undefined
    let last: Name | undefined
    for (let i = 0; ; i += 1) {
      const from = reader.at
      reader.readString()
      const name = { from, to: reader.at, spelling: reader.spelling }
      if (isSame) isSame = name.spelling !== 'other' && (last === undefined || this.#isInOrder(last, name))
      last = name
      if (!reader.separate('name')) isSame = false
      this.#places.push(from, name.to, reader.at)
      const value = this.#value()
      this.#places.push(reader.at)
      if (value !== null) {
        isSame = false
        others ??= new Map()
        others.set(i, value)
      }
      if (reader.skipBlanks()) isSame = false
      if (reader.closes('object')) break
      if (!reader.separate('item')) isSame = false
    }
    const text = isSame ? null : this.#sorted(firstPlace, others)
    this.#places.length = firstPlace
    return text
  }

  #isInOrder(a: Name, b: Name): boolean {
    const order =
      a.spelling === 'ascii' && b.spelling === 'ascii'
        ? a.to - a.from - (b.to - b.from) || this.#order(a, b)
        : byLengthAndBytes(this.#from.parsed(a.from, a.to), this.#from.parsed(b.from, b.to))
    return order < 0 || (order === 0 && this.#hasDoubles)
  }

  /** The order of two names of one length. */
  #order(a: Name, b: Name): number {
    const { text } = this.#from
    for (let i = a.from, shift = b.from - a.from; i < a.to; i += 1) {
      const order = text.charCodeAt(i) - text.charCodeAt(i + shift)
      if (order !== 0) return order
    }
    return 0
  }

  /** The object whose members lie from a place on, some of them with a text of their own. */
  #sorted(firstPlace: number, others: ReadonlyMap<number, string> | undefined): string {
    const reader = this.#from
    const members: [name: string, value: string][] = []
    for (let place = firstPlace; place < this.#places.length; place += 4) {
      const [from, to, valueFrom, valueTo] = this.#places.slice(place, place + 4) as [number, number, number, number]
      const value = others?.get((place - firstPlace) / 4) ?? reader.text.slice(valueFrom, valueTo)
      members.push([reader.parsed(from, to), value])
    }
    // Sorting is stable: members of one name stay in the order in which they were written.
    const sorted = (this.#hasDoubles ? members : [...new Map(members)]).sort(([a], [b]) => byLengthAndBytes(a, b))
    return `{${sorted.map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(', ')}}`
  }

  #list(): string | null {
    const reader = this.#from
    const from = reader.at + 1
    let isSame = !reader.open()
    if (reader.closes('list')) return isSame ? null : '[]'
    // Undefined as long as what was read may stay; from then on all items, the first of them together as they are.
    let items: string[] | undefined
    for (let to = from; ; ) {
      const itemFrom = reader.at
      const item = this.#value()
      if (item !== null || !isSame) items ??= to === from ? [] : [reader.text.slice(from, to)]
      items?.push(item ?? reader.text.slice(itemFrom, reader.at))
      to = reader.at
      isSame = !reader.skipBlanks()
      if (reader.closes('list')) {
        if (!isSame) items ??= [reader.text.slice(from, to)]
        return items === undefined ? null : `[${items.join(', ')}]`
      }
      if (!reader.separate('item')) isSame = false
    }
  }
}

/** Where the name of a member lies, quotes and all, and how it is written. */
interface Name {
  readonly from: number
  readonly to: number
  readonly spelling: Spelling
}

/** An exponent beyond this would only make text of zeros; such numbers keep their own spelling. */
const exponentMost = 400

function plainDecimal(token: string, hasSign: boolean): string {
  const [mantissa = '', power = '0'] = token.toLowerCase().split('e')
  const shift = Number(power)
  if (Math.abs(shift) > exponentMost) return token
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = `${'0'.repeat(Math.max(0, -shift))}${whole}${fraction}${'0'.repeat(Math.max(0, shift))}`
  const pointAt = whole.length + Math.max(0, -shift) + shift
  const text = canonicalText('decimal', `${digits.slice(0, pointAt) || '0'}.${digits.slice(pointAt) || '0'}`) ?? token
  return token.startsWith('-') && (hasSign || text !== '0') ? `-${text}` : text
}

const ascii = /^[\0-\x7f]*$/

function byLengthAndBytes(a: string, b: string): number {
  if (ascii.test(a) && ascii.test(b)) return a.length - b.length || (a < b ? -1 : Number(a > b))
  return Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b))
}
