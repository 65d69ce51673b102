/** Lets all sides of a comparison write their values alike, whatever their types and engines. */
import { type AgreedForm, agreeForm, type ColumnType } from '../digest/digest.ts'
import type { Described, Forms, SideReader } from './sources/source.ts'

/** Sides that write their values alike. */
export interface Bound {
  readonly readers: readonly SideReader[]
  /** The forms of each side. */
  readonly forms: readonly Forms[]
  /** Whether SQL of all engines writes them alike, so that hashes may be computed where the rows are. */
  readonly isSqlAlike: boolean
}

/** Agrees on the form of each key part and column, and binds every side to it. */
export function bindAlike(sides: readonly Described[]): Bound {
  const isOneEngine = new Set(sides.map(({ source }) => source.engine)).size === 1
  const agreed = (typesOf: (side: Described) => readonly ColumnType[]): AgreedForm[] => {
    const [first] = sides
    return (first === undefined ? [] : typesOf(first)).map((_, i) =>
      agreeForm(
        sides.map((side) => typesOf(side)[i] ?? { kind: 'text', name: 'text' }),
        { isOneEngine },
      ),
    )
  }
  const [key, columns] = [agreed((side) => side.key), agreed((side) => side.columns)]
  const formsOf = (list: readonly AgreedForm[], s: number) => list.map(({ forms }) => forms[s]!)
  const forms = sides.map((_, s): Forms => ({ key: formsOf(key, s), columns: formsOf(columns, s) }))
  return {
    readers: sides.map((side, s) => side.bind(forms[s]!)),
    forms,
    isSqlAlike: [...key, ...columns].every(({ isSqlAlike }) => isSqlAlike),
  }
}
