/** Which columns could refer to which keys: kinds, ranges and names decide what is worth a look at the values. */

import { groupedBy } from '../../base/grouped-by.ts'
import { type ColumnFacts, columnFacts, densityOf, isKeyLike } from './column-facts.ts'
import { type NamedColumn, nameMatch, nameScore } from './decide-name-match.ts'
import type { SurveyTable } from './survey.ts'
import { entityOf, keyNameOf, sharedFirstWord, wordsOf } from './words.ts'

/** A key of one column that others may refer to. */
export interface ParentKey {
  readonly table: SurveyTable
  readonly column: string
  readonly isPrimary: boolean
  readonly facts: ColumnFacts
  readonly entity: readonly string[]
}

/** A column that may refer to a key, how well their names match, and how much values could prove. */
export interface Candidate {
  readonly table: SurveyTable
  readonly column: string
  readonly facts: ColumnFacts
  readonly parent: ParentKey
  readonly name: number
  /** Whether a word of the column's name says that it is a key. */
  readonly hasKeyWord: boolean
  /** The chance of an accidental hit of one value at this parent. */
  readonly density: number
}

/** Last words of columns that count, measure, order or flag: such numbers hit any counted key. */
const measures = new Set(
  `count quantity qty amount total sum price cost fee rate level position rank order sort sequence seq year month day week hour
   minute second age score rating size weight height width length depth duration percent percentage discount balance
   stock limit max min version points credits capacity budget salary value index priority stars flag enabled active
   latitude longitude attempt attempts retries port floor page pages copies seats`.split(/\s+/),
)

/** What describes a thing without being its key, even where it is unique. */
const descriptions = new Set(
  'name title email mail phone fax mobile address street city state country region zip postcode description label url website comment note notes status gender currency language locale timezone'.split(
    ' ',
  ),
)

/** All pairs worth a look, with those inside one source: the best parent of a column may be beside it. */
export function candidatesOf(tables: readonly SurveyTable[]): Candidate[] {
  const entities = entitiesOf(tables)
  const parents = tables.flatMap((table) => parentKeysOf(table, entities.get(table)!))
  return tables.flatMap((table) => {
    const shared = table.columns.length > 2 ? sharedFirstWord(table.columns.map(({ name }) => name)) : undefined
    return table.columns.flatMap(({ name }) => {
      const facts = columnFacts(table, name)
      if (facts.kind === 'other' || isResolved(table, name)) return []
      const child = { table, facts, named: { entity: entities.get(table)!, column: name, shared } }
      return parents.flatMap((parent) => candidateOf(child, parent))
    })
  })
}

/** What each table is about, without the word that all tables of its source begin with. */
export function entitiesOf(tables: readonly SurveyTable[]): Map<SurveyTable, readonly string[]> {
  const bySource = groupedBy(tables, ({ source }) => source)
  return new Map(
    [...bySource.values()].flatMap((group) => {
      const shared = sharedFirstWord(group.map(({ name }) => name))
      return group.map((table) => [table, entityOf(table.name, shared)] as const)
    }),
  )
}

/** A column that refers to a table beside it, by the server's own word, needs no proposal. */
function isResolved(table: SurveyTable, column: string): boolean {
  return table.foreignKeys.some(({ columns }) => columns.length === 1 && columns[0] === column)
}

function parentKeysOf(table: SurveyTable, entity: readonly string[]): ParentKey[] {
  return table.keys.flatMap((key, i) => {
    const [column] = key
    if (key.length !== 1 || column === undefined) return []
    const facts = columnFacts(table, column)
    if (!isKeyLike(facts)) return []
    return [{ table, column, isPrimary: i === 0 && table.hasPrimaryKey, facts, entity }]
  })
}

interface Child {
  readonly table: SurveyTable
  readonly facts: ColumnFacts
  readonly named: NamedColumn
}

function candidateOf(child: Child, parent: ParentKey): Candidate[] {
  const { table, facts, named } = child
  if (table === parent.table && named.column === parent.column) return []
  const name = nameMatch(named, { entity: parent.entity, column: parent.column })
  if (!areComparable(facts, parent.facts, name) || isItsOwnKey(child, parent, name)) return []
  const key = keyNameOf(named.column)
  const last = wordsOf(named.column).at(-1) ?? ''
  const hasKeyWord = key.hasKeyWord || key.hasLinkWord
  if (!hasKeyWord && (measures.has(last) || (descriptions.has(last) && name < nameScore.same))) return []
  const density = densityOf(parent.facts, parent.table.rows)
  const provesAlone = density < 0.02 && (hasKeyWord || facts.isUuid || facts.kind === 'uuid')
  if (name < nameScore.role && !(provesAlone && facts.counts.size > 0)) return []
  return [{ table, column: named.column, facts, parent, name, hasKeyWord, density }]
}

/** Kinds must meet; a text of digits may stand for a number where the names leave no doubt. */
function areComparable(child: ColumnFacts, parent: ColumnFacts, name: number): boolean {
  if (!isKeyLike(child)) return false
  if (child.kind === parent.kind) return true
  const kinds = [child.kind, parent.kind].sort().join(' ')
  if (kinds === 'text uuid') return child.isUuid || child.kind === 'uuid'
  return kinds === 'integer text' && name >= nameScore.entity && (child.isDigits || parent.isDigits)
}

/**
 * A table's own single key counts its own rows: it refers elsewhere only when it is named after the other table. And a
 * column named after a part of its own table (`line_no` of order lines) numbers the rows of that table.
 */
function isItsOwnKey({ table, named }: Child, parent: ParentKey, name: number): boolean {
  const { stem } = keyNameOf(named.column)
  const own = named.entity.join('')
  const isKey = table.keys.some((key) => key.length === 1 && key[0] === named.column)
  const isNamedAfterIt = stem.length === 0 || stem.join('') === own
  if (isKey && isNamedAfterIt) return true
  // One row each, as a store and its manager, is said by a unique column beside the primary key.
  const isPrimary = table.hasPrimaryKey && table.keys[0]?.length === 1 && table.keys[0][0] === named.column
  if (isKey && name < (isPrimary ? nameScore.sameKey : nameScore.ending)) return true
  const isPartOfIt = stem.every((word) => named.entity.includes(word))
  return isPartOfIt && name < nameScore.sameKey && parent.table !== table
}
