/**
 * JSON in PostgreSQL with what `jsonb` forgets of it: members that come twice, the sign of a zero, and the lower bounds of
 * an array. Where nothing is forgotten, which is nearly always, the text is that of `jsonb`, whose order and spaces are
 * its own; elsewhere it is the text that was written, and the judge brings it into order (`same-value.ts`).
 */
import type { Kept } from './form.ts'
import type { PostgresType } from './kind.ts'

/** Arrays of elements of which `jsonb` forgets nothing. */
const plainArrays: ReadonlySet<string> = new Set(
  'bool int2 int4 int8 oid numeric money text varchar bpchar name uuid date time timetz timestamp timestamptz interval inet jsonb'
    .split(' ')
    .map((name) => `_${name}`),
)

/** What values of a type of kind json keep beyond their meaning; a composite may hold anything. */
export function keptByJson({ name, category, form }: PostgresType): readonly Kept[] {
  if (name === 'jsonb') return []
  if (category !== 'A' && form !== 'c') return ['sign', 'doubles']
  return plainArrays.has(name) ? ['bounds'] : ['sign', 'doubles', 'bounds']
}

/** The text of a value of kind json with what the form keeps; NULL stays NULL. */
export function jsonSql(type: PostgresType, expression: string, keeps: readonly Kept[] = []): string {
  if (type.name === 'jsonb') return `${expression}::text`
  const kept = keptByJson(type).filter((each) => keeps.includes(each))
  const isWritten = kept.includes('sign') || kept.includes('doubles')
  const text = isWritten ? writtenText(type, expression) : `to_jsonb(${expression})::text`
  if (!kept.includes('bounds')) return text
  // The own text of an array that begins elsewhere says so; it is no JSON. Within a composite only that text shows it.
  const isShifted =
    type.category === 'A'
      ? `array_lower(${expression}, 1) <> 1 or array_ndims(${expression}) > 1 and strpos(replace(array_dims(${expression}), '[1:', ''), '[') > 0`
      : `strpos(${expression}::text, ']={') > 0`
  return `case when ${isShifted} then ${expression}::text else ${text} end`
}

function writtenText(type: PostgresType, expression: string): string {
  // Numbers only, which no comma is part of: spaced as `jsonb` would, in two thirds of its time.
  if (/^_float[48]$/.test(type.name)) return `replace(to_json(${expression})::text, ',', ', ')`
  const written = type.name === 'json' ? `${expression}::text` : `to_json(${expression})::text`
  return unlessForgotten(written, `to_jsonb(${expression})::text`)
}

/**
 * As `jsonb` writes it, unless fewer colons are left there than were written (each member has one), or fewer minus signs
 * before a zero. An escape that stands for one of those characters would make up for one that is gone.
 */
function unlessForgotten(written: string, meant: string): string {
  const marks = (text: string) => `octet_length(${text}) - octet_length(replace(replace(${text}, ':', ''), '-0', ''))`
  const isEscaped = `strpos(written, '\\u00') > 0 and written ~* '\\\\u00(3a|30|2d)'`
  const isForgotten = `${marks('written')} <> ${marks('meant')} or ${isEscaped}`
  const texts = `select ${written} as written, ${meant} as meant offset 0`
  return `(select case when ${isForgotten} then written else meant end from (${texts}) as json_texts)`
}
