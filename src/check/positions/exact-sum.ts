/** Sums of decimals as text, exact: amounts of money are no floats. Pure. */
import type { Amount } from '../../invariant/invariant.ts'

/** A decimal as digits without a point, and how many of them stand behind it. */
interface Decimal {
  readonly digits: bigint
  readonly scale: number
}

/**
 * The sum of amounts as canonical text: without needless zeros, `-` only before what is not zero. Undefined when one of
 * them is no decimal.
 *
 * @example
 * exactSum(['0.10', 0.2, -3n]) // '-2.7'
 */
export function exactSum(amounts: readonly Amount[]): string | undefined {
  let sum: Decimal = { digits: 0n, scale: 0 }
  for (const amount of amounts) {
    const next = decimalOf(String(amount))
    if (next === undefined) return undefined
    const scale = Math.max(sum.scale, next.scale)
    sum = { digits: scaled(sum, scale) + scaled(next, scale), scale }
  }
  return textOf(sum)
}

function scaled({ digits, scale }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(to - scale)
}

function decimalOf(text: string): Decimal | undefined {
  const parts = /^([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i.exec(text.trim())
  if (parts === null) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts
  const digits = BigInt(`${sign === '-' ? '-' : ''}${whole}${fraction}`)
  const scale = fraction.length - Number(exponent)
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 }
}

function textOf({ digits, scale }: Decimal): string {
  const sign = digits < 0n ? '-' : ''
  const plain = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
  const whole = plain.slice(0, plain.length - scale)
  const fraction = plain.slice(plain.length - scale).replace(/0+$/, '')
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
