/** Whether two canonical texts mean the same value: SQL filters by hashes of them, here is where they are judged. */
import { trimScale } from './canonical.ts'
import type { Form } from './form.ts'
import { jsonStringEnd } from './json-reader.ts'
import { jsonTextOf } from './json-text.ts'
import type { Kind } from './kind.ts'
import { sameInDigits } from './same-in-digits.ts'

/**
 * Whether two canonical texts of one form mean the same value. JSON numbers keep their trailing zeros in SQL and are
 * judged without them here; a copy with fewer digits may have been cut or rounded; and what not all sides can hold, such
 * as the sign of a zero, counts only where the form keeps it.
 */
export function sameValue(of: Kind | Form, a: string | null, b: string | null): boolean {
  if (a === b) return true
  if (a === null || b === null) return false
  const form: Form = typeof of === 'string' ? { kind: of } : of
  if (form.kind === 'json') return judgedJson(form, a) === judgedJson(form, b)
  if (form.kind === 'float4' || form.kind === 'float8')
    return !form.keeps?.includes('sign') && unsigned(a) === unsigned(b)
  return form.digits !== undefined && sameInDigits(form.kind, form.digits, a, b)
}

/** The text of a `jsonb` value with its numbers free of trailing zeros. Its keys are in order already. */
export function normalJson(text: string): string {
  let normal = ''
  for (let at = 0; ; ) {
    const quote = text.indexOf('"', at)
    const plain = quote < 0 ? text.slice(at) : text.slice(at, quote)
    normal += plain.replace(/-?\d+\.\d+/g, trimScale)
    if (quote < 0) return normal
    at = jsonStringEnd(text, quote)
    normal += text.slice(quote, at)
  }
}

/** An array with lower bounds of its own is no JSON: the text of PostgreSQL is what there is. */
function judgedJson({ keeps = [] }: Form, text: string): string {
  return jsonTextOf(text, keeps) ?? normalJson(text)
}

function unsigned(float: string): string {
  return float === '-0' ? '0' : float
}
