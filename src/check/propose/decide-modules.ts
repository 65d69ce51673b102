/** What each table is about: its name without what all tables of its source, or of its module, begin with. */
import { groupedBy } from '../../base/grouped-by.ts'
import type { SurveyTable } from './survey.ts'
import { entityOf, isShortFor, keyNameOf, sharedFirstWord, singular, wordsOf } from './words.ts'

/** A table's name as others may say it. */
export interface TableAbout {
  readonly entity: readonly string[]
  /** Without the word of its module, `sales_currency` as currency, where no other table could be meant by the rest. */
  readonly plain: readonly string[] | undefined
}

/** Two tables that begin with one word are a thing and a part of it as often as two of one module. */
const moduleTablesMin = 3

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

/** What each table is about, with and without the word of its module. */
export function aboutsOf(tables: readonly SurveyTable[]): Map<SurveyTable, TableAbout> {
  const entities = entitiesOf(tables)
  const modules = modulesOf(entities)
  const plainOf = (entity: readonly string[]) =>
    entity.length > 1 && modules.has(entity[0]!) ? entity.slice(1) : undefined
  // Each name that some table has, whole or without its module, and how many have it.
  const names = [...entities.values()]
    .flatMap((entity) => [entity, plainOf(entity) ?? []])
    .map((words) => words.join(''))
  const counts = new Map([...groupedBy(names, (name) => name)].map(([name, { length }]) => [name, length]))
  return new Map(
    [...entities].map(([table, entity]) => {
      const plain = plainOf(entity)
      return [table, { entity, plain: plain !== undefined && counts.get(plain.join('')) === 1 ? plain : undefined }]
    }),
  )
}

/**
 * First words that say where tables belong and not what they are about, as `auth` of auth_user and auth_group. A word is
 * none where it names a thing itself: `order` of order_items, which a table `orders` or a column `order_id` tells.
 */
function modulesOf(entities: ReadonlyMap<SurveyTable, readonly string[]>): ReadonlySet<string> {
  const long = [...entities.values()].filter(({ length }) => length > 1)
  const doubled = new Set([...entities.keys()].flatMap(({ name }) => doubledOf(name)))
  const things = thingsOf(entities)
  // `emp_salary` and `emp_skill` are of employees, where a table has that name.
  const wholes = [...entities.values()].flatMap((entity) => (entity.length === 1 ? entity : []))
  const isThing = (word: string) => things.has(word) || wholes.some((whole) => isShortFor(word, whole))
  return new Set(
    [...groupedBy(long, ([first]) => first!)].flatMap(([word, { length }]) =>
      length + Number(doubled.has(word)) >= moduleTablesMin && (doubled.has(word) || !isThing(word)) ? [word] : [],
    ),
  )
}

/** `person_person` is the person of the module of persons. */
function doubledOf(table: string): readonly string[] {
  const [first, second] = wordsOf(table).map(singular)
  return first !== undefined && first === second ? [first] : []
}

/** Last words of what tables are about, and of what keys are named after. */
function thingsOf(entities: ReadonlyMap<SurveyTable, readonly string[]>): ReadonlySet<string> {
  const keys = [...entities.keys()].flatMap(({ columns }) =>
    columns.flatMap(({ name }) => {
      const { stem, hasKeyWord } = keyNameOf(name)
      return hasKeyWord ? stem.slice(-1) : []
    }),
  )
  return new Set([...[...entities.values()].flatMap((entity) => entity.slice(-1)), ...keys])
}
