/** How much the names of a column and of a key elsewhere say that the one refers to the other. Names rank; values decide. */
import { isKin, roleOf } from './roles.ts'
import { isLike, isShortFor, type KeyName, keyNameOf, linkWords, wholeMarks } from './words.ts'

/** A key as names see it. */
export interface NamedKey {
  /** What its table is about, word by word. */
  readonly entity: readonly string[]
  /** The same without the word of its module, where that leaves no doubt. */
  readonly plain?: readonly string[] | undefined
  readonly column: string
  /** The word that all columns of its table begin with, as in TPC-H; it says nothing. */
  readonly shared?: string | undefined
}

/** A column as names see it. */
export interface NamedColumn {
  /** What its own table is about. */
  readonly entity: readonly string[]
  /** The same without the word of its module, where that leaves no doubt. */
  readonly plain?: readonly string[] | undefined
  readonly column: string
  /** The word that all columns of its table begin with, as in TPC-H; it says nothing. */
  readonly shared?: string | undefined
}

/** What a match is worth, from 0 (nothing in common) to 1 (the same word for the same thing). */
export const nameScore = {
  same: 1,
  sameKey: 0.95,
  entity: 0.95,
  ending: 0.85,
  short: 0.8,
  head: 0.7,
  account: 0.69,
  weak: 0.6,
  role: 0.55,
  beginning: 0.5,
} as const

/** How well names match, 0 to 1. */
export function nameMatch(child: NamedColumn, parent: NamedKey): number {
  const keys = namesOf(parent)
  const pairs = parent.plain === undefined ? [{ child, parent }] : [{ child, parent }, withoutModule(child, parent)]
  return Math.max(
    ...namesOf(child).flatMap((name) => keys.flatMap((key) => pairs.map((pair) => matchOf(name, key, pair)))),
  )
}

function withoutModule(child: NamedColumn, parent: NamedKey): { child: NamedColumn; parent: NamedKey } {
  const plain = <N extends NamedColumn>(named: N): N => ({ ...named, entity: named.plain ?? named.entity })
  return { child: plain(child), parent: plain(parent) }
}

/** The names of a table, with and without its module. */
export function namesOfTable({ entity, plain }: NamedColumn | NamedKey): readonly (readonly string[])[] {
  return plain === undefined ? [entity] : [entity, plain]
}

/** Whether words are a name of the table, or short for it. */
export function isNamedAfter(words: readonly string[], named: NamedColumn | NamedKey): boolean {
  return namesOfTable(named).some((entity) => isNamedLike(words, entity))
}

/** A column's name, and what is left of it without the word that all columns of its table begin with. */
function namesOf(named: NamedColumn | NamedKey): readonly KeyName[] {
  const names = remembered.get(named) ?? readNames(named)
  remembered.set(named, names)
  return names
}

/** A column is compared with every key, and read once. */
const remembered = new WeakMap<NamedColumn | NamedKey, readonly KeyName[]>()

function readNames({ column, shared }: NamedColumn | NamedKey): readonly KeyName[] {
  const name = keyNameOf(column)
  const first = name.words[0]
  if (first === undefined || first !== shared || name.words.length < 2) return [name]
  return [name, keyNameOf(column.slice(column.toLowerCase().indexOf(first) + first.length))]
}

/**
 * Whether a key is at home in its table, 0 to 1: named plainly (`id`) or after all of it, after its last word
 * (`section_id` of course_sections), after its first (`user_id` of user_profiles, which extends users), or after others.
 */
export function homeOf(key: NamedKey): number {
  return Math.max(...namesOf(key).flatMap((name) => namesOfTable(key).map((entity) => homeOfName(name, entity))))
}

function homeOfName({ stem, words }: KeyName, entity: readonly string[]): number {
  const head = entity.at(-1)
  // `aid` of albums, `state_name` of states.
  const isShort = joined(words) === `${initialsOf(entity)}id`
  const isLong = words.length > entity.length && isNamedLike(words.slice(0, entity.length), entity)
  if (head !== undefined && stem.length > 0 && (isShort || isLong) && !isNamedLike(stem, entity)) return 0.75
  if (stem.length === 0 || head === undefined || isNamedLike(stem, entity)) return 1
  if (isLike(stem.at(-1)!, head)) return 0.75
  return joined(entity).startsWith(joined(stem)) ? 0.5 : 0
}

/** Whether words are those of the other name, or short forms of them. */
export function isNamedLike(words: readonly string[], entity: readonly string[]): boolean {
  if (joined(words) === joined(entity)) return true
  return words.length === entity.length && words.every((word, i) => isLike(word, entity[i]!))
}

function matchOf(
  name: KeyName,
  key: KeyName,
  { child, parent }: { readonly child: NamedColumn; readonly parent: NamedKey },
): number {
  const entity = joined(parent.entity)
  const stem = joined(name.stem)
  // `id`, `code`, `no` alone is whoever's key it is, and refers to nobody.
  if (stem === '') return 0
  const isSameKey = joined(name.words) === joined(key.words) || (stem === joined(key.stem) && name.hasKeyWord)
  if (isSameKey) return stem === entity ? nameScore.same : nameScore.sameKey
  if (stem === entity) return nameScore.entity
  // `product_sku` for the column sku of products.
  if (joined(name.words) === entity + joined(key.words)) return nameScore.entity
  // `parent_id` is of the table's own kind.
  if (isKin(name) && entity === joined(child.entity)) return nameScore.short
  // `order_id` of order_lines for sales_order, and of sales_order_lines as well.
  const isOfPart = name.stem.length > 0 && endsWith(parent.entity, name.stem) && name.hasKeyWord
  if (isOfPart && parent.entity.every((word, i) => word === child.entity[i])) return nameScore.ending
  // `status_id` of an order for order_status.
  if (entity === joined(child.entity) + stem) return nameScore.ending
  if (isLed(name, child.entity, parent.entity)) return nameScore.ending
  if (name.stem.length > 1 && endsWith(name.stem, parent.entity)) return nameScore.ending
  if (key.stem.length > 0 && name.stem.length > key.stem.length && endsWith(name.stem, key.stem))
    return nameScore.ending
  return partMatch(name, parent.entity)
}

/** `attribute_type_id` of a visit_attribute for visit_attribute_type: the table's name and the column's, a word in both. */
function isLed({ stem }: KeyName, own: readonly string[], entity: readonly string[]): boolean {
  const lead = entity.length - stem.length
  const isWhole = lead > 0 && lead < own.length && endsWith(entity, stem)
  return isWhole && own.every((word, i) => word === entity[i])
}

function partMatch(name: KeyName, entity: readonly string[]): number {
  const last = name.stem.at(-1)!
  const head = entity.at(-1)
  // A table whose name holds no word is about nothing that a column could name.
  if (head === undefined) return 0
  // `owner` holds a key as well as `owner_id` does; its values will tell.
  if (!name.hasKeyWord && !name.hasLinkWord) {
    // The `maker` of a model may be of car_makers, as `type` may be of any type.
    const isHead = name.stem.length === 1 && last === head
    return Math.max(roleScore(name, head), isHead ? nameScore.beginning : 0)
  }
  const initials = initialsOf(entity)
  if (isNamedLike(name.stem, entity)) return nameScore.short
  if (wholeMarks.has(head) && isNamedLike(name.stem, entity.slice(0, -1))) return nameScore.short
  if (name.stem.length === 1) {
    if (last === head) return nameScore.head
    if (initials.length > 1 && last === initials) return nameScore.weak
    if (isShortFor(last, head)) return nameScore.weak
  }
  // `member_in_charge_id` is of a member: what follows says which.
  const follows = name.stem.findIndex((word) => linkWords.has(word))
  if (follows > 0 && name.hasKeyWord && isNamedLike(name.stem.slice(0, follows), entity)) return nameScore.short
  if (name.stem.length > 1 && isLike(last, head)) return nameScore.weak
  // `homebranchid` for branches, in names that are glued together.
  if (name.stem.length === 1 && head.length > 3 && last.endsWith(joined(entity))) return nameScore.short
  // `partner_invoice_id`, and the `partner_type_id` that has no table: which it is the values tell.
  const isBegun = isNamedLike(name.stem.slice(0, entity.length), entity) || isLike(name.stem[0]!, head)
  return Math.max(roleScore(name, head), isBegun && name.hasKeyWord ? nameScore.beginning : 0)
}

/** Whoever follows, sends or wins is a person, and so is a `carrier` to the eye: there the values must tell. */
function roleScore(name: KeyName, head: string): number {
  const role = roleOf(name, head)
  if (role === 'account') return nameScore.account
  return role === undefined ? 0 : role === 'known' ? nameScore.role : nameScore.beginning
}

function endsWith(words: readonly string[], end: readonly string[]): boolean {
  return joined(words).endsWith(joined(end)) && joined(words.slice(-end.length)) === joined(end)
}

function initialsOf(entity: readonly string[]): string {
  return entity.map((word) => word[0]).join('')
}

function joined(words: readonly string[]): string {
  return words.join('')
}
