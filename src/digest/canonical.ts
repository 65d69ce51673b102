/**
 * Canonical text in TypeScript, for values that come from JSON, a driver or an event. `canonical-sql.ts` says the same
 * in SQL; what each kind looks like stands in `kind.ts`.
 */
import { refused } from '../base/error.ts'
import type { Kind } from './kind.ts'

/**
 * The canonical text of a value of kind `kind`; null and undefined are NULL.
 *
 * Takes what JSON and drivers hold: numbers, bigints, booleans, text, Date, Uint8Array, and any JSON value for json.
 *
 * @throws refused `digest/no-canonical-text` when the value is not of that kind.
 * @example
 * canonicalText('decimal', '1.50') // '1.5'
 */
export function canonicalText(kind: Kind, value: unknown): string | null {
  if (value === null || value === undefined) return null
  const text = forms[kind](value)
  if (text !== undefined) return text
  const help = 'Map the column to a value of its own kind, for example with a cast in the declared expression.'
  throw refused('digest/no-canonical-text', `A ${typeof value} is not a value of kind ${kind}.`, help, { kind })
}

const forms: Record<Kind, (value: unknown) => string | undefined> = {
  integer: (value) => matching(/^-?(?:0|[1-9]\d*)$/, plainNumber(value)),
  decimal: decimalText,
  float8: (value) => floatText(value, { digitsMax: 17, exponentMax: 15, round: Number }),
  float4: (value) => floatText(value, { digitsMax: 9, exponentMax: 6, round: Math.fround }),
  boolean: (value) => (typeof value === 'boolean' ? String(Number(value)) : undefined),
  text: (value) => (typeof value === 'object' ? undefined : String(value)),
  timestamp: timestampText,
  date: (value) =>
    value instanceof Date
      ? value.toISOString().slice(0, 10)
      : matching(/^\d{4,}-\d\d-\d\d(?: BC)?$|^-?infinity$/, value),
  uuid: (value) =>
    typeof value === 'string'
      ? matching(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, value.toLowerCase())
      : undefined,
  bytes: (value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : undefined),
  json: jsonText,
}

function matching(pattern: RegExp, value: unknown): string | undefined {
  return typeof value === 'string' && pattern.test(value) ? value : undefined
}

/** Numbers as digits without an exponent; text is taken as it is. */
function plainNumber(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Object.is(value, -0) ? '0' : withoutExponent(String(value))
  return typeof value === 'string' ? value : undefined
}

function decimalText(value: unknown): string | undefined {
  const text = plainNumber(value)
  if (text === undefined) return undefined
  if (/^(?:NaN|-?Infinity)$/.test(text)) return text
  if (!/^-?\d+(?:\.\d+)?$/.test(text)) return undefined
  const trimmed = trimScale(text).replace(/^(-?)0+(?=\d)/, '$1')
  return trimmed === '-0' ? '0' : trimmed
}

/** Digits without trailing zeros after the point; zero without a sign. */
export function trimScale(text: string): string {
  const trimmed = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return trimmed === '-0' ? '0' : trimmed
}

function withoutExponent(text: string): string {
  const parts = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (parts === null) return text
  const [, sign, first, rest = '', exponent] = parts
  const digits = `${first}${rest}`
  const point = 1 + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return point >= digits.length
    ? `${sign}${digits.padEnd(point, '0')}`
    : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
}

interface FloatForm {
  readonly digitsMax: number
  /** From this decimal exponent on PostgreSQL writes an exponent; below -4 it does for both widths. */
  readonly exponentMax: number
  readonly round: (value: number) => number
}

/** Shortest digits that read back as the same number, laid out as PostgreSQL lays them out. */
function floatText(value: unknown, form: FloatForm): string | undefined {
  if (typeof value !== 'number') return undefined
  const number = form.round(value)
  if (Number.isNaN(number)) return 'NaN'
  if (!Number.isFinite(number)) return number > 0 ? 'Infinity' : '-Infinity'
  if (number === 0) return Object.is(number, -0) ? '-0' : '0'
  const [mantissa = '', exponentText = ''] = shortest(number, form).split('e')
  const exponent = Number(exponentText)
  if (exponent >= -4 && exponent < form.exponentMax)
    return withoutExponent(`${mantissa}e${exponent < 0 ? '' : '+'}${exponent}`)
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

function shortest(number: number, form: FloatForm): string {
  if (form.round === Number) return number.toExponential()
  for (let digits = 0; digits < form.digitsMax; digits += 1) {
    const text = number.toExponential(digits)
    if (form.round(Number(text)) === number) return text
  }
  return number.toExponential(form.digitsMax - 1)
}

const isoTimestamp = /^(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d(?::?\d\d)?)?$/

function timestampText(value: unknown): string | undefined {
  if (value instanceof Date) return timestampText(value.toISOString())
  if (value === 'infinity' || value === '-infinity') return value
  const parts = typeof value === 'string' ? isoTimestamp.exec(value) : null
  if (parts === null) return undefined
  const [, day = '', time = '', fraction = '', zone = 'Z'] = parts
  const shift =
    zone === 'Z'
      ? 'Z'
      : zone.replace(/^([+-]\d\d):?(\d\d)?$/, (_, hours: string, minutes = '00') => `${hours}:${minutes}`)
  const whole = new Date(`${day}T${time}${shift}`)
  if (Number.isNaN(whole.getTime())) return undefined
  const micros = fraction.replace(/0+$/, '')
  return `${whole.toISOString().slice(0, 19).replace('T', ' ')}${micros === '' ? '' : `.${micros}`}`
}

/** A JSON value as `jsonb` writes it: keys by length and then by bytes, `, ` and `: ` between. */
function jsonText(value: unknown): string | undefined {
  if (value === null) return 'null'
  if (typeof value === 'number') return Number.isFinite(value) ? plainNumber(value) : undefined
  if (typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value)
  if (Array.isArray(value))
    return joined(
      value.map((item) => jsonText(item ?? null)),
      '[',
      ']',
    )
  if (typeof value !== 'object') return undefined
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  entries.sort(
    ([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  )
  const members = entries.map(([key, item]) => {
    const text = jsonText(item)
    return text === undefined ? undefined : `${JSON.stringify(key)}: ${text}`
  })
  return joined(members, '{', '}')
}

function joined(parts: readonly (string | undefined)[], open: string, close: string): string | undefined {
  return parts.includes(undefined) ? undefined : `${open}${parts.join(', ')}${close}`
}
