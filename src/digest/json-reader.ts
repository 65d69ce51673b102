/** Reads JSON text character by character: a regular expression outgrows its stack on a text of ten megabytes. */

const code = (character: string): number => character.charCodeAt(0)
const blank = code(' ')
const quote = code('"')
const backslash = code('\\')
const [minus, point] = [code('-'), code('.')]
const [zero, nine, exponent] = [code('0'), code('9'), code('e')]
const asciiLast = 0x7f
const [highSurrogate, lowSurrogate, afterSurrogates] = [0xd800, 0xdc00, 0xe000]
const toLowerCase = 0x20
/** What may follow a backslash where `jsonb` and `JSON.stringify` write; `\/` and `\u0041` say the same in other words. */
const escaped = new Set([...'"\\bfnrt'].map(code))

/** What makes a string another one than what stands between its quotes, or none. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none in a string.
const spelledOtherwise = /[\\\u0000-\u001f]/
const opening = { object: code('{'), list: code('[') } as const
const closing = { object: code('}'), list: code(']') } as const
const separator = { item: code(','), name: code(':') } as const
/** What must be looked at in a string. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none in a string.
const looked = /[\\\u0000-\u001f\ud800-\udfff]/
const charactersFew = 64
const words = ['true', 'false', 'null']
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** How a string is written: in ASCII alone and without escapes, as `JSON.stringify` would write it, or otherwise. */
export type Spelling = 'ascii' | 'same' | 'other'

/** What begins at a character. */
export type JsonKind = 'object' | 'list' | 'string' | 'number' | 'word'

/** A place in a text that goes forward over what it reads. What is no JSON is a SyntaxError, of strings once they are parsed. */
export class JsonReader {
  readonly text: string
  readonly #isChecked: boolean
  at = 0
  /** How the string that was read last is written. */
  spelling: Spelling = 'ascii'

  /** What was checked already is searched for the ends of strings, instead of read. */
  constructor(text: string, { isChecked = false } = {}) {
    this.text = text
    this.#isChecked = isChecked
  }

  /** What begins here. */
  kind(): JsonKind {
    const first = this.#here()
    if (first === quote) return 'string'
    if (first === opening.object) return 'object'
    if (first === opening.list) return 'list'
    return first === minus || (first >= zero && first <= nine) ? 'number' : 'word'
  }

  /** Goes over a whole value, which is checked. */
  skipValue(): void {
    const kind = this.kind()
    if (kind === 'object' || kind === 'list') this.#skipItems(kind)
    else if (kind === 'string') this.skipString()
    else if (kind === 'word') this.skipWord()
    else if (!this.skipPlainNumber()) this.skipNumber()
  }

  #skipItems(kind: 'object' | 'list'): void {
    this.open()
    if (this.closes(kind)) return
    for (;;) {
      if (kind === 'object') {
        this.skipString()
        this.separate('name')
      }
      this.skipValue()
      this.skipBlanks()
      if (this.closes(kind)) return
      this.separate('item')
    }
  }

  /** Goes over a string, and fails where it is none. */
  skipString(): void {
    const from = this.at
    if (this.#isChecked) this.at = jsonStringEnd(this.text, from)
    else {
      this.readString()
      if (this.spelling === 'other') this.parsed(from, this.at)
    }
  }

  /** Goes behind the closing quote. What is no string is spelled otherwise as well: parsing it fails. */
  readString(): void {
    const { text } = this
    if (this.#here() !== quote) throw this.wrong()
    let spelling: Spelling = 'ascii'
    let at = this.at + 1
    const long = this.#plainEnd(at)
    if (long > at) {
      at = long
      spelling = 'same'
    }
    for (let c = text.charCodeAt(at); c !== quote; at += 1, c = text.charCodeAt(at)) {
      if (c === backslash) {
        at += 1
        if (!escaped.has(text.charCodeAt(at))) spelling = 'other'
        else if (spelling === 'ascii') spelling = 'same'
      } else if (c > asciiLast) {
        if (spelling === 'ascii') spelling = 'same'
        if (c < highSurrogate || c >= afterSurrogates) continue
        const next = text.charCodeAt(at + 1)
        if (c < lowSurrogate && next >= lowSurrogate && next < afterSurrogates) at += 1
        else spelling = 'other'
      } else if (!(c >= blank)) {
        if (at >= text.length) throw this.wrong()
        spelling = 'other'
      }
    }
    this.at = at + 1
    this.spelling = spelling
  }

  /**
   * Where a long string without escapes and surrogates ends, found by what searches megabytes at once; else where it began:
   * a short one is read sooner than searched.
   */
  #plainEnd(from: number): number {
    const { text } = this
    const far = from + charactersFew
    if (far >= text.length) return from
    for (let at = from; at < far; at += 1) if (text.charCodeAt(at) === quote) return from
    const end = text.indexOf('"', far)
    return end < 0 || looked.test(text.slice(from, end)) ? from : end
  }

  /** What a string says that lies between two places. */
  parsed(from: number, to: number): string {
    const inside = this.text.slice(from + 1, to - 1)
    const isOther = this.#isChecked ? inside.includes('\\') : spelledOtherwise.test(inside)
    return isOther ? (JSON.parse(`"${inside}"`) as string) : inside
  }

  skipWord(): void {
    const word = words.find((each) => this.text.startsWith(each, this.at))
    if (word === undefined) throw this.wrong()
    this.at += word.length
  }

  /** Goes over a number without an exponent, zeros at its ends or a sign of nothing; else stays, and says so. */
  skipPlainNumber(): boolean {
    const { text, at: from } = this
    const isNegative = this.#here() === minus
    const wholeFrom = isNegative ? from + 1 : from
    const startsWithZero = text.charCodeAt(wholeFrom) === zero
    this.at = wholeFrom
    this.#skipDigits()
    const whole = this.at - wholeFrom
    let isPlain = whole === 1 || (whole > 1 && !startsWithZero)
    if (this.#here() === point) {
      this.at += 1
      const fraction = this.at
      this.#skipDigits()
      isPlain &&= this.at > fraction && text.charCodeAt(this.at - 1) !== zero
    } else if (isNegative && startsWithZero) isPlain = false
    if (isPlain && (this.#here() | toLowerCase) !== exponent) return true
    this.at = from
    return false
  }

  /** Goes over any number, and gives it as it is written. */
  skipNumber(): string {
    number.lastIndex = this.at
    const [written] = number.exec(this.text) ?? []
    if (written === undefined) throw this.wrong()
    this.at += written.length
    return written
  }

  /** Goes into an object or a list; whether there are blanks at its begin. */
  open(): boolean {
    this.at += 1
    return this.skipBlanks()
  }

  /** Goes out of an object or a list where it ends here. */
  closes(kind: 'object' | 'list'): boolean {
    if (this.#here() !== closing[kind]) return false
    this.at += 1
    return true
  }

  /** Goes over a separator; whether it is written as `jsonb` does, with one blank behind it. */
  separate(behind: 'item' | 'name'): boolean {
    const isTight = !this.skipBlanks()
    if (this.#here() !== separator[behind]) throw this.wrong()
    const hasBlank = this.text.charCodeAt(this.at + 1) === blank
    this.at += hasBlank ? 2 : 1
    return !this.skipBlanks() && hasBlank && isTight
  }

  /** Whether there were any. */
  skipBlanks(): boolean {
    const from = this.at
    while (isBlank(this.#here())) this.at += 1
    return this.at > from
  }

  /** Whether all of the text was read. */
  isAtEnd(): boolean {
    return this.at >= this.text.length
  }

  wrong(): Error {
    return new SyntaxError(`no JSON at ${this.at}`)
  }

  #skipDigits(): void {
    for (let c = this.#here(); c >= zero && c <= nine; c = this.#here()) this.at += 1
  }

  #here(): number {
    return this.text.charCodeAt(this.at)
  }
}

function isBlank(c: number): boolean {
  return c === blank || (c < blank && (c === 0x0a || c === 0x0d || c === 0x09))
}

/** Where the string that begins at a quote ends: behind its closing quote, or with the text where there is none. */
export function jsonStringEnd(text: string, from: number): number {
  for (let at = from + 1; ; ) {
    const quote = text.indexOf('"', at)
    if (quote < 0) return text.length
    let slashes = 0
    while (text[quote - 1 - slashes] === '\\') slashes += 1
    if (slashes % 2 === 0) return quote + 1
    at = quote + 1
  }
}
