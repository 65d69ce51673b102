/** Whether two values are the same when one of them was stored with fewer digits: cut or rounded, both are honest copies. */
import type { Kind } from './kind.ts'

/** Compares canonical texts of decimals or timestamps at `digits` digits after the point. */
export function sameInDigits(kind: Kind, digits: number, a: string, b: string): boolean {
  const [x, y] = kind === 'timestamp' ? [micros(a), micros(b)] : [scaled(a), scaled(b)]
  if (x === undefined || y === undefined) return false
  const scale = kind === 'timestamp' ? 6 : scaleMost
  const unit = 10n ** BigInt(Math.max(0, scale - digits))
  // Whoever cuts digits off a decimal goes towards zero; a moment is cut towards the past, before 1970 as well.
  const cut = kind === 'timestamp' ? floor : towardsZero
  return cut(x, unit) === cut(y, unit) || nearest(x, unit) === nearest(y, unit)
}

/** Digits to which decimals are brought before they are compared; PostgreSQL keeps up to 16,383, people up to 30. */
const scaleMost = 40

function scaled(text: string): bigint | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)
  if (parts === null) return undefined
  const [, sign, whole = '', fraction = ''] = parts
  const value = BigInt(whole + fraction.slice(0, scaleMost).padEnd(scaleMost, '0'))
  return sign === '-' ? -value : value
}

function micros(text: string): bigint | undefined {
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/.exec(text)
  if (parts === null) return undefined
  const wholeMs = Date.parse(`${parts[1]}T${parts[2]}Z`)
  if (Number.isNaN(wholeMs)) return undefined
  return BigInt(wholeMs) * 1_000n + BigInt((parts[3] ?? '').padEnd(6, '0'))
}

function towardsZero(value: bigint, unit: bigint): bigint {
  return value - (value % unit)
}

function floor(value: bigint, unit: bigint): bigint {
  const rest = value % unit
  return value - (rest < 0n ? rest + unit : rest)
}

/** Halves go away from zero, as both engines round decimals; timestamps before 1970 are rare enough to follow. */
function nearest(value: bigint, unit: bigint): bigint {
  const half = unit / 2n
  return value < 0n ? -floor(-value + half, unit) : floor(value + half, unit)
}
