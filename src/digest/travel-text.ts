/**
 * Canonical text of values that travel as their engine writes them, because no SQL of both engines writes them alike:
 * floats and JSON. Exact: no digit of a JSON number is lost on the way.
 */
import { canonicalText } from './canonical.ts'
import type { Form } from './form.ts'

/** The canonical text of what a database wrote of a value; anything that is no value of the form stays as it is. */
export function travelText(form: Form, written: string | null): string | null {
  if (written === null) return null
  if (form.kind === 'json') return jsonTextOf(written) ?? written
  if (form.kind !== 'float4' && form.kind !== 'float8') return written
  const number = Number(written)
  return Number.isNaN(number) && written !== 'NaN' ? written : canonicalText(form.kind, number)
}

/**
 * JSON text as `jsonb` writes it: keys by length and then by bytes, the last of equal ones, numbers without exponents or
 * trailing zeros. Undefined when it is no JSON.
 *
 * @example
 * jsonTextOf('{"b":1.50,"a":[1e2]}') // '{"a": [100], "b": 1.5}'
 */
export function jsonTextOf(text: string): string | undefined {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{},:]|[^\s]/g) ?? []
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
    const members = new Map<string, string>()
    list('{', '}', () => {
      const name = JSON.parse(next()) as string
      expect(':')
      members.set(name, value())
      return name
    })
    const sorted = [...members].sort(([a], [b]) => byLengthAndBytes(a, b))
    return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}: ${member}`).join(', ')}}`
  }
  const value = (): string => {
    const token = tokens[at] ?? ''
    if (token === '{') return object()
    if (token === '[') return `[${list('[', ']', value).join(', ')}]`
    next()
    if (/^[-\d]/.test(token)) return plainDecimal(token)
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

function plainDecimal(token: string): string {
  const [mantissa = '', exponent = '0'] = token.toLowerCase().split('e')
  const shift = Number(exponent)
  if (Math.abs(shift) > exponentMost) return token
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = `${'0'.repeat(Math.max(0, -shift))}${whole}${fraction}${'0'.repeat(Math.max(0, shift))}`
  const point = whole.length + Math.max(0, -shift) + shift
  const text = canonicalText('decimal', `${digits.slice(0, point) || '0'}.${digits.slice(point) || '0'}`) ?? token
  return token.startsWith('-') && text !== '0' ? `-${text}` : text
}

function byLengthAndBytes(a: string, b: string): number {
  return Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b))
}
