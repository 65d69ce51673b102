/**
 * Canonical text of values that travel as their engine writes them, because no SQL of both engines writes them alike:
 * floats and JSON. Exact: no digit of a JSON number is lost on the way.
 */
import { canonicalText } from './canonical.ts'
import type { Form, Kept } from './form.ts'
import { jsonTokens } from './json-tokens.ts'

/** The canonical text of what a database wrote of a value; anything that is no value of the form stays as it is. */
export function travelText(form: Form, written: string | null): string | null {
  if (written === null) return null
  if (form.kind === 'json') return jsonTextOf(written, allKept) ?? written
  if (form.kind !== 'float4' && form.kind !== 'float8') return written
  const number = Number(written)
  return Number.isNaN(number) && written !== 'NaN' ? written : canonicalText(form.kind, number)
}

/** What travels is whole: the judge, who knows the form, leaves out what does not count. */
const allKept: readonly Kept[] = ['sign', 'doubles']

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
  const tokens = jsonTokens(text)
  let at = 0
  const next = (): string => {
    const token = tokens[at]
    if (token === undefined) throw new SyntaxError('the text ends too early')
    at += 1
    return token
  }
  const expect = (token: string): void => {
    if (next() !== token) throw new SyntaxError(`${token} is missing`)
  }
  const list = (open: string, close: string, item: () => string): string[] => {
    expect(open)
    const items: string[] = []
    if (tokens[at] === close) {
      at += 1
      return items
    }
    for (;;) {
      items.push(item())
      const end = next()
      if (end === close) return items
      if (end !== ',') throw new SyntaxError(', is missing')
    }
  }
  const object = (): string => {
    const members: [name: string, value: string][] = []
    list('{', '}', () => {
      const name = JSON.parse(next()) as string
      expect(':')
      members.push([name, value()])
      return name
    })
    // Sorting is stable: members of one name stay in the order in which they were written.
    const sorted = (keeps.includes('doubles') ? members : [...new Map(members)]).sort(([a], [b]) =>
      byLengthAndBytes(a, b),
    )
    return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}: ${member}`).join(', ')}}`
  }
  const value = (): string => {
    const token = tokens[at] ?? ''
    if (token === '{') return object()
    if (token === '[') return `[${list('[', ']', value).join(', ')}]`
    next()
    if (/^[-\d]/.test(token)) return plainDecimal(token, keeps.includes('sign'))
    if (/^(?:true|false|null)$/.test(token)) return token
    return JSON.stringify(JSON.parse(token) as string)
  }
  try {
    const whole = value()
    return at === tokens.length ? whole : undefined
  } catch {
    return undefined
  }
}

/** An exponent beyond this would only make text of zeros; such numbers keep their own spelling. */
const exponentMost = 400

function plainDecimal(token: string, hasSign: boolean): string {
  const [mantissa = '', exponent = '0'] = token.toLowerCase().split('e')
  const shift = Number(exponent)
  if (Math.abs(shift) > exponentMost) return token
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = `${'0'.repeat(Math.max(0, -shift))}${whole}${fraction}${'0'.repeat(Math.max(0, shift))}`
  const point = whole.length + Math.max(0, -shift) + shift
  const text = canonicalText('decimal', `${digits.slice(0, point) || '0'}.${digits.slice(point) || '0'}`) ?? token
  return token.startsWith('-') && (hasSign || text !== '0') ? `-${text}` : text
}

function byLengthAndBytes(a: string, b: string): number {
  return Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b))
}
