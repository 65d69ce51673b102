/** Compares what the sides hold of one key. SQL has filtered; here is where it is judged. */
import { briefText, type Form, type Kind, sameValue } from '../digest/digest.ts'
import type { AllowedStates, ColumnDifference, Relation } from '../invariant/invariant.ts'

/** A row's values in the order of the side's columns, as canonical text. */
export type Row = readonly (string | null)[]

/** The rows a side has for one key, sorted; empty when it has none. One, where the key is unique as it should be. */
export type Image = readonly Row[]

/** What all sides hold of one key, each read in one snapshot of its own. */
export interface KeyState {
  readonly key: readonly string[]
  readonly images: readonly Image[]
  /** Which transactions wrote each side's rows: a row that went from A to B and back to A was changed. Empty where unknown. */
  readonly stamps: readonly string[]
}

/** What comparing needs to know of the sides. */
export interface Shape {
  readonly relation: Relation
  readonly sideNames: readonly string[]
  readonly columnNames: readonly string[]
  /** Kinds of the columns as all sides write them. */
  readonly kinds: readonly Kind[]
  /** The same with the digits of the coarsest side: they decide how values are judged. */
  readonly forms?: readonly Form[]
}

/** What values are judged by. */
export type Forms = readonly (Kind | Form)[]

/** The forms of a shape's columns. */
export function formsOf({ forms, kinds }: Shape): Forms {
  return forms ?? kinds
}

/** A relation that lists the pairs of its states. */
export type ByState = Extract<Relation, { kind: 'correspondsTo' }> & { readonly allowed: AllowedStates }

/** Where only some pairs of states may be, equal digests mean nothing. */
export function isByState(relation: Relation): relation is ByState {
  return relation.kind === 'correspondsTo' && relation.allowed !== undefined
}

/** Whether the invariant holds for a key. */
export function holds(shape: Shape, state: KeyState): boolean {
  const [first = [], ...others] = state.images
  const { relation } = shape
  if (relation.kind === 'references')
    return first.every((row) => row.includes(null)) || others.every((image) => image.length > 0)
  if (isByState(relation)) return isAllowed(relation.allowed, first, others[0] ?? [])
  return others.every((image) => sameImage(formsOf(shape), first, image))
}

/** Whether two sides hold the same rows of a key. */
export function sameImage(forms: Forms, a: Image, b: Image): boolean {
  return a.length === b.length && a.every((row, i) => sameRow(forms, row, b[i] ?? []))
}

/** The columns in which sides that have the row differ; two states that may not be together differ also where they are equal. */
export function differingColumns(shape: Shape, state: KeyState): ColumnDifference[] {
  return shape.columnNames.flatMap((column, c) => {
    const held = shape.sideNames.flatMap((side, s) => {
      const row = state.images[s]?.[0]
      return row === undefined || row.length === 0 ? [] : [[side, row[c] ?? null] as const]
    })
    const [first] = held
    const differs = held.some(([, value]) => !sameValue(formsOf(shape)[c] ?? 'text', value, first?.[1] ?? null))
    const isTold = shape.relation.kind === 'references' || (isByState(shape.relation) && held.length > 1)
    return differs || isTold ? [{ column, values: Object.fromEntries(held) }] : []
  })
}

/** The state as a verdict sees it, where long values are only told apart. */
export function briefState(shape: Shape, state: KeyState): KeyState {
  const forms = formsOf(shape)
  const brief = (row: Row): Row => row.map((value, c) => briefText(forms[c] ?? 'text', value))
  return { ...state, images: state.images.map((image) => image.map(brief)) }
}

/** One sentence that says how the sides differ. */
export function difference(shape: Shape, state: KeyState): string {
  const present = shape.sideNames.filter((_, s) => (state.images[s]?.length ?? 0) > 0)
  const absent = shape.sideNames.filter((_, s) => (state.images[s]?.length ?? 0) === 0)
  const doubled = shape.sideNames.find((_, s) => (state.images[s]?.length ?? 0) > 1)
  if (doubled !== undefined)
    return `${doubled} has ${state.images[shape.sideNames.indexOf(doubled)]?.length} rows with this key`
  if (isByState(shape.relation)) return pairOfStates(shape, state)
  if (absent.length > 0)
    return `${list(present)} ${present.length === 1 ? 'has' : 'have'} it, ${list(absent)} ${absent.length === 1 ? 'does' : 'do'} not`
  const columns = differingColumns(shape, state).map((entry) => entry.column)
  return `${list(shape.sideNames)} differ in ${list(columns)}`
}

/** The two states, by name: which pair it is says more than that it is not in the list. */
function pairOfStates({ sideNames }: Shape, { images }: KeyState): string {
  const [left, right] = sideNames.map((name, s) => {
    const row = images[s]?.[0]
    return row === undefined ? `${name} does not have it` : `${name} is in state ${stateOf(row)}`
  })
  return `${left} and ${right}, which may not be together`
}

function isAllowed(allowed: AllowedStates, left: Image, right: Image): boolean {
  if (left.length > 1 || right.length > 1) return false
  const [l, r] = [left, right].map(([row]) => (row === undefined ? null : stateOf(row)))
  return isAllowedPair(allowed, l ?? null, r ?? null)
}

/** The state that a row is in. */
export function stateOf([state]: Row): string {
  return state ?? 'NULL'
}

/** Whether two states may be together; null stands for no row. */
export function isAllowedPair(allowed: AllowedStates, left: string | null, right: string | null): boolean {
  return (left === null && right === null) || allowed.some(([l, r]) => l === left && r === right)
}

function sameRow(forms: Forms, a: Row, b: Row): boolean {
  return a.every((value, c) => sameValue(forms[c] ?? 'text', value, b[c] ?? null))
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
