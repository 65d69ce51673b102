/**
 * Forms: how all sides of a comparison write a value alike. A form is agreed from the types of all sides before anything
 * is read, so that an `int4` and a `bigint`, a `numeric(12,2)` and a `decimal(10,2)`, a `uuid` and a `char(36)` can agree.
 */
import type { Kind } from './kind.ts'

/**
 * What some types keep beyond the meaning of a value: the sign of a zero, members of JSON that come twice, and where an
 * array begins.
 */
export type Kept = 'sign' | 'doubles' | 'bounds'

/** What a column or an expression holds. */
export interface ColumnType {
  /** `any` where the source has no types (JSON of an API): whatever the other sides hold. */
  readonly kind: Kind | 'any'
  /** As its engine calls it, for messages: `numeric(12,2)`, `datetime(3)`. */
  readonly name: string
  /** Digits after the point, of a decimal or of a timestamp's seconds; undefined where any number may be there. */
  readonly digits?: number
  /** What its floats or its JSON keep beyond the meaning; nothing by default, as in `jsonb` or JSON of an API. */
  readonly keeps?: readonly Kept[]
}

/**
 * How a side writes a value. `digits` is the precision of the coarsest side, where sides have different ones: digests cut
 * timestamps and round decimals to it, and the judge accepts a copy that was rounded as well as one that was cut.
 */
export interface Form {
  readonly kind: Kind
  readonly digits?: number
  /**
   * What all sides keep beyond the meaning of the value: it counts as well. Where one side cannot hold it (a decimal has
   * no -0, `jsonb` no member twice), a copy without it is an honest one.
   */
  readonly keeps?: readonly Kept[]
  /** True when the text of no side can hold a comma: then it is hashed without its length, which costs both servers less. */
  readonly isShort?: boolean
}

/** The forms of one column on each side, and whether SQL of every engine writes them alike. */
export interface AgreedForm {
  readonly forms: readonly Form[]
  /** False: the values must travel and be written in TypeScript before they can be hashed. */
  readonly isSqlAlike: boolean
}

/**
 * Agrees on how the sides of one column write it. Types that have nothing in common are compared by their texts.
 *
 * @example
 * agreeForm([{ kind: 'integer', name: 'int4' }, { kind: 'boolean', name: 'tinyint(1)' }], { isOneEngine: false })
 * // { forms: [{ kind: 'integer' }, { kind: 'integer' }], isSqlAlike: true }
 */
export function agreeForm(types: readonly ColumnType[], { isOneEngine }: { isOneEngine: boolean }): AgreedForm {
  const known = [...new Set(types.map(({ kind }) => kind))].filter((kind) => kind !== 'any')
  const hasAny = types.some(({ kind }) => kind === 'any')
  const kind = sharedKind(known)
  const length = types.every((type) => short.has(type.kind)) ? { isShort: true } : {}
  if (kind === undefined)
    return {
      forms: types.map((type) => ({ kind: type.kind === 'any' ? 'text' : type.kind, ...length })),
      isSqlAlike: !hasAny,
    }
  const digits = sharedDigits(kind, types)
  const keeps = sharedKept(kind, types)
  const form: Form = {
    kind,
    ...(digits === undefined ? {} : { digits }),
    ...(keeps.length === 0 ? {} : { keeps }),
    ...length,
  }
  const isTravelling = known.some((each) => travelling.has(each)) && (!isOneEngine || known.length > 1)
  return { forms: types.map(() => form), isSqlAlike: !hasAny && !isTravelling }
}

/** Kinds whose text is digits, letters, points, colons, dashes and blanks, and never `~`. */
const short: ReadonlySet<Kind | 'any'> = new Set<Kind>([
  'integer',
  'boolean',
  'decimal',
  'float4',
  'float8',
  'timestamp',
  'date',
  'uuid',
])

/** Kinds whose text differs between engines: floats by their exponents, JSON by spaces, order and numbers. */
const travelling: ReadonlySet<Kind> = new Set<Kind>(['float4', 'float8', 'json'])

/** Pairs of kinds that have a form in common, the form last. */
const shared: readonly (readonly [Kind, Kind, Kind])[] = [
  ['integer', 'boolean', 'integer'],
  ['integer', 'decimal', 'decimal'],
  ['boolean', 'decimal', 'decimal'],
  // The coarser of both: a float4 that was widened is no longer the decimal that was written.
  ['float4', 'float8', 'float4'],
  ['float4', 'decimal', 'float4'],
  ['float4', 'integer', 'float4'],
  ['float8', 'decimal', 'float8'],
  ['float8', 'integer', 'float8'],
  ['text', 'uuid', 'uuid'],
  ['bytes', 'uuid', 'uuid'],
  ['date', 'timestamp', 'timestamp'],
  ['text', 'json', 'json'],
]

function sharedKind(kinds: readonly Kind[]): Kind | undefined {
  const [first = 'text', ...others] = kinds
  let kind: Kind = first
  for (const other of others) {
    const pair = shared.find(([a, b]) => (a === kind && b === other) || (b === kind && a === other))
    if (pair === undefined) return undefined
    kind = pair[2]
  }
  return kind
}

/** What a type keeps; a text keeps whatever is written in it. */
function keptBy({ kind, keeps = [] }: ColumnType): readonly Kept[] {
  return kind === 'text' ? ['sign', 'doubles'] : keeps
}

function sharedKept(kind: Kind, types: readonly ColumnType[]): readonly Kept[] {
  if (kind !== 'json' && kind !== 'float4' && kind !== 'float8') return []
  const [first = [], ...others] = types.map(keptBy)
  return first.filter((kept) => others.every((other) => other.includes(kept)))
}

/** The fewest digits, where sides differ in them; an integer beside a decimal cuts nothing. */
function sharedDigits(kind: Kind, types: readonly ColumnType[]): number | undefined {
  if (kind !== 'timestamp' && kind !== 'decimal') return undefined
  const stated = types.filter((type) => type.kind === kind)
  const digits = new Set(stated.map((type) => type.digits))
  if (digits.size < 2) return undefined
  const numbers = [...digits].filter((count) => count !== undefined)
  return Math.min(...numbers)
}
