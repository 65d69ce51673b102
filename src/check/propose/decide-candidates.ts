/** Which columns could refer to which keys: kinds, ranges and names decide what is worth a look at the values. */
import { type ColumnFacts, columnFacts, densityOf, fitOf, isKeyLike } from './column-facts.ts'
import { aboutsOf, type TableAbout } from './decide-modules.ts'
import {
  homeOf,
  isNamedAfter,
  type NamedColumn,
  type NamedKey,
  nameMatch,
  nameScore,
  namesOfTable,
} from './decide-name-match.ts'
import { isCount, isMeasure } from './measures.ts'
import type { SurveyTable } from './survey.ts'
import { type KeyName, keyNameOf, sharedFirstWord, wordsOf } from './words.ts'

/** A key that others may refer to. */
export interface ParentKey {
  readonly table: SurveyTable
  readonly columns: readonly string[]
  readonly isPrimary: boolean
  /** Whether it is named after its own table, 0 to 1. */
  readonly home: number
  readonly facts: ColumnFacts
  /** Each of its columns, as names see it. */
  readonly named: readonly NamedKey[]
}

/** Columns that may refer to a key, how well their names match, and how much values could prove. */
export interface Candidate {
  readonly table: SurveyTable
  /** As many as the key has, in its order. */
  readonly columns: readonly string[]
  readonly facts: ColumnFacts
  readonly parent: ParentKey
  readonly name: number
  /** Whether a word of the column's name says that it is a key. */
  readonly hasKeyWord: boolean
  /** The chance of an accidental hit of one value at this parent. */
  readonly density: number
  /** Whether the column's values are from all over the key, where both count. */
  readonly isSpread: boolean
  /** The chance that any key would fit as well as this one does; see `fitOf`. */
  readonly coincidence: number
  /** Whether they look drawn from the key by chance. */
  readonly isDrawn: boolean
}

/** Keys that have no word in common with a column are met by chance less often than this. */
export const coincidenceMax = 0.05
/** A key of which fewer are met by chance proves itself by a few values: UUIDs, codes, ids far apart. */
const sparse = 0.02
/** So must be all values together, where the key is denser. */
const chanceMax = 1e-9
/** A key that has more gaps than numbers lends them to what extends its table: a museum's number is an attraction's. */
const ownDensityMax = 0.3

/** All pairs worth a look, with those inside one source: the best parent of a column may be beside it. */
export function candidatesOf(tables: readonly SurveyTable[]): Candidate[] {
  const abouts = aboutsOf(tables)
  const parents = tables.flatMap((table) => parentKeysOf(table, abouts.get(table)!))
  const counted = parents.filter((parent) => parent.facts.kind === 'integer').length
  return tables.flatMap((table) => {
    const shared = sharedOf(table)
    return table.columns.flatMap(({ name }) => {
      const facts = columnFacts(table, name)
      const key = keyNameOf(name)
      if (facts.kind === 'other' || isResolved(table, name) || (facts.kind === 'integer' && isCount(key))) return []
      const named = { ...abouts.get(table)!, column: name, shared }
      const child = { table, facts, named, key, parents: counted }
      return parents.flatMap((parent) => candidateOf(child, parent))
    })
  })
}

/** The word that all columns of a table begin with. */
export function sharedOf({ columns }: SurveyTable): string | undefined {
  return columns.length > 2 ? sharedFirstWord(columns.map(({ name }) => name)) : undefined
}

/** A column that refers to a table beside it, by the server's own word, needs no proposal. */
function isResolved(table: SurveyTable, column: string): boolean {
  return table.foreignKeys.some(({ columns }) => columns.length === 1 && columns[0] === column)
}

function parentKeysOf(table: SurveyTable, about: TableAbout): ParentKey[] {
  // A primary key may have a unique index besides, and would be its own rival.
  const alone = [...new Set(table.keys.flatMap((key) => (key.length === 1 ? key : [])))]
  const parts = table.keys.flatMap((key) => (key.length > 1 ? key : [])).filter((column) => !alone.includes(column))
  const primary = table.hasPrimaryKey && table.keys[0]?.length === 1 ? table.keys[0][0] : undefined
  return [...alone, ...new Set(parts)].flatMap((column) => {
    const facts = columnFacts(table, column)
    if (!isKeyLike(facts)) return []
    const named = { ...about, column, shared: sharedOf(table) }
    const home = homeOf(named)
    // `id` of a key (tenant_id, id) is a key in all but name, where it is the table's own and no value occurs twice.
    const isKey = alone.includes(column) || (home >= 0.75 && facts.filled > 0 && facts.counts.size === table.rows)
    return isKey ? [{ table, columns: [column], isPrimary: column === primary, home, facts, named: [named] }] : []
  })
}

interface Child {
  readonly table: SurveyTable
  readonly facts: ColumnFacts
  readonly named: NamedColumn
  readonly key: KeyName
  /** How many keys there are that could be met by chance. */
  readonly parents: number
}

function candidateOf(child: Child, parent: ParentKey): Candidate[] {
  const { table, facts, named, key } = child
  const [about] = parent.named
  if (about === undefined || (table === parent.table && named.column === about.column)) return []
  const name = nameMatch(named, about)
  if (!areComparable(facts, parent.facts, name)) return []
  if (isMeasure(key) && !facts.isEmail && !isNamedSo(child, parent)) return []
  const density = densityOf(parent.facts, parent.table.rows)
  const fit = fitOf(facts, parent.facts)
  const isSpread = fit?.isSpread === true
  const coincidence = isSpread ? Math.min(1, fit.coincidence * child.parents) : 1
  const hasKeyWord = key.hasKeyWord || key.hasLinkWord
  const values = { density, isSpread, coincidence, isDrawn: fit?.isDrawn === true }
  const candidate = { table, columns: [named.column], facts, parent, name, hasKeyWord, ...values }
  return isItsOwnKey(child, candidate) || !isWorthALook(candidate) ? [] : [candidate]
}

/** A name is worth it, or values that few columns have by chance. */
function isWorthALook(candidate: Candidate): boolean {
  const { facts, parent, name, hasKeyWord, density, isSpread, coincidence, isDrawn } = candidate
  const isRole = name === nameScore.role || name === nameScore.account
  // A name of a person stands in a column `author` as well as a key does; a number there is no name.
  if (!hasKeyWord && isRole && facts.kind === 'text' && density >= sparse) return false
  if (name >= nameScore.role) return true
  if (facts.counts.size === 0) return false
  const isMade = hasKeyWord || facts.isUuid || facts.kind === 'uuid' || facts.isCode || facts.isEmail
  if (isMade && (density < sparse || density ** facts.counts.size < chanceMax)) return true
  if (coincidence < (hasKeyWord || isDrawn ? coincidenceMax : coincidenceMax / 10)) return true
  return name === nameScore.beginning && isSpread && parent.table.rows > 0
}

/** A measure's name is a key where all of a table is named so, `country` of countries, or its primary key, `year` of seasons. */
function isNamedSo({ key, named }: Child, { named: [about], isPrimary }: ParentKey): boolean {
  if (about === undefined) return false
  return isNamedAfter(key.stem, about) || (isPrimary && isSameName(named.column, about.column))
}

/** Whether two columns are named by the same words, whatever their style. */
export function isSameName(one: string, other: string): boolean {
  return one === other || wordsOf(one).join('') === wordsOf(other).join('')
}

/** Kinds must meet; a text of digits may stand for a number where the names leave no doubt. */
export function areComparable(child: ColumnFacts, parent: ColumnFacts, name: number): boolean {
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
function isItsOwnKey({ table, named, key, facts }: Child, { parent, name, isSpread, density }: Candidate): boolean {
  const { stem } = key
  const isKey = table.keys.some((one) => one.length === 1 && one[0] === named.column)
  const isNamedAfterIt =
    stem.length === 0 || isNamedAfter(stem, named) || namesOfTable(named).some((words) => beginsWith(key.words, words))
  const proves = isKey && density < ownDensityMax && density ** facts.counts.size < chanceMax && parent.table !== table
  if (isKey && isNamedAfterIt && !(proves && parent.table.rows > table.rows)) return true
  // One row each, as a store and its manager, is said by a unique column beside the primary key.
  const isPrimary = table.hasPrimaryKey && table.keys[0]?.length === 1 && table.keys[0][0] === named.column
  if (isKey && !proves && name < (isPrimary ? nameScore.sameKey : nameScore.ending)) return true
  // A partition, an archive, a copy: what has all columns of another table is of its kind, and not beside it.
  const isOnlyKey = isKey || table.keys.length === 0
  if (isOnlyKey && isSameName(named.column, parent.columns[0]!) && hasColumnsOf(table, parent.table)) return true
  // Two tables of the same rows: what says less of them extends what says more.
  const lead = parent.table.rows - table.rows || parent.table.columns.length - table.columns.length
  if (isPrimary && lead < 0 && table.rows > 0 && parent.home < 0.75) return true
  // Where nothing is said of either, a key that is named after its own table is not another's; nor is it part of a key.
  const home = homeOf(named)
  if (isPrimary && (lead <= 0 || table.rows === 0) && home > parent.home) return true
  // `note_id` of the notes of one module is not that of another's, unless its values say so.
  if (isPrimary && table.rows === 0 && home >= 0.75 && home === parent.home) return true
  if (isPrimary && !parent.table.keys.some(({ length, 0: first }) => length === 1 && first === parent.columns[0]))
    return true
  // `field_number` of a form's fields numbers them, and is no number of a field that stands elsewhere.
  const isPartOfIt = stem.length === 1 && stem[0] === named.entity.at(-1) && facts.kind === 'integer'
  const isNumber = isNumberWord(key.words.at(-1)) && !isSameName(named.column, parent.columns[0]!)
  return isPartOfIt && !isSpread && (isNumber || name < nameScore.sameKey) && parent.table !== table
}

/** `patient_identifier_id`, of which `identifier` is no word for a key where the table is named so. */
function beginsWith(words: readonly string[], entity: readonly string[]): boolean {
  return entity.length > 1 && entity.every((word, i) => word === words[i])
}

function isNumberWord(word: string | undefined): boolean {
  return /^(?:no|nr|num|number|nbr)$/.test(word ?? '')
}

function hasColumnsOf(table: SurveyTable, other: SurveyTable): boolean {
  if (table === other || other.columns.length < 4) return false
  const names = new Set(table.columns.map(({ name }) => name))
  // One or two columns more say when a row was archived; many more say that the one table extends the other.
  return names.size <= other.columns.length + 2 && other.columns.every(({ name }) => names.has(name))
}
