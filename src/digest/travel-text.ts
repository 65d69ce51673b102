/**
 * Canonical text of values that travel as their engine writes them, because no SQL of both engines writes them alike:
 * floats and JSON. Exact: no digit of a JSON number is lost on the way.
 */
import { canonicalText } from './canonical.ts'
import type { Form, Kept } from './form.ts'
import { jsonTextOf } from './json-text.ts'

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
