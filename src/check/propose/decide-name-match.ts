/** How much the names of a column and of a key elsewhere say that the one refers to the other. Names rank; values decide. */
import { isShortFor, type KeyName, keyNameOf } from './words.ts'

/** A key as names see it. */
export interface NamedKey {
  /** What its table is about, word by word. */
  readonly entity: readonly string[]
  readonly column: string
}

/** A column as names see it. */
export interface NamedColumn {
  /** What its own table is about. */
  readonly entity: readonly string[]
  readonly column: string
  /** The word that all columns of its table begin with, as in TPC-H; it says nothing. */
  readonly shared?: string | undefined
}

/** Names of tables that hold people, by the roles that people have. English, and open to correction by the values. */
const people = new Set(
  'employee staff user person member worker personnel people contact account individual human associate operator'.split(
    ' ',
  ),
)
const roleHolders: readonly { readonly roles: ReadonlySet<string>; readonly holders: ReadonlySet<string> }[] = [
  {
    roles: new Set(
      `rep representative manager supervisor boss lead leader head chief director agent clerk cashier salesperson seller
       owner author creator editor reviewer approver assignee reporter requester handler operator coordinator report
       created updated modified deleted approved assigned reviewed handled changed recorded entered signed issued prepared
       processed performed sold hired verified responsible contact driver technician salesman picker packer`.split(
        /\s+/,
      ),
    ),
    holders: people,
  },
  {
    roles: new Set(
      'doctor physician surgeon attending nurse therapist consultant referring admitting provider'.split(' '),
    ),
    holders: new Set([...people, ...'doctor physician practitioner provider clinician nurse'.split(' ')]),
  },
  {
    roles: new Set(
      'instructor teacher lecturer advisor adviser professor tutor dean chair mentor supervisor'.split(' '),
    ),
    holders: new Set([...people, ...'instructor teacher faculty professor lecturer'.split(' ')]),
  },
  {
    roles: new Set('buyer client payer purchaser shopper recipient bidder guest subscriber'.split(' ')),
    holders: new Set([...people, ...'customer client buyer'.split(' ')]),
  },
  {
    roles: new Set('seller vendor merchant manufacturer producer maker'.split(' ')),
    holders: new Set('supplier vendor seller merchant manufacturer company brand'.split(' ')),
  },
]

/** What a match is worth, from 0 (nothing in common) to 1 (the same word for the same thing). */
export const nameScore = {
  same: 1,
  sameKey: 0.95,
  entity: 0.95,
  ending: 0.85,
  short: 0.8,
  head: 0.7,
  weak: 0.6,
  role: 0.55,
} as const

/** How well names match, 0 to 1. */
export function nameMatch(child: NamedColumn, parent: NamedKey): number {
  const key = keyNameOf(parent.column)
  const names = [keyNameOf(child.column)]
  const first = names[0]!.words[0]
  if (child.shared !== undefined && first === child.shared && names[0]!.words.length > 1)
    names.push(keyNameOf(child.column.slice(child.column.toLowerCase().indexOf(first!) + first!.length)))
  return Math.max(...names.map((name) => matchOf(name, key, { child, parent })))
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
  // `status_id` of an order for order_status.
  if (entity === joined(child.entity) + stem) return nameScore.ending
  if (name.stem.length > 1 && endsWith(name.stem, parent.entity)) return nameScore.ending
  if (key.stem.length > 0 && name.stem.length > key.stem.length && endsWith(name.stem, key.stem))
    return nameScore.ending
  return partMatch(name, parent.entity)
}

function partMatch(name: KeyName, entity: readonly string[]): number {
  const last = name.stem.at(-1)!
  const head = entity.at(-1)
  const isKey = name.hasKeyWord || name.hasLinkWord
  // A table whose name holds no word is about nothing that a column could name.
  if (!isKey || head === undefined) return 0
  const initials = entity.map((word) => word[0]).join('')
  if (name.stem.length === entity.length && name.stem.every((word, i) => isLike(word, entity[i]!)))
    return nameScore.short
  if (name.stem.length === 1) {
    if (last === head) return nameScore.head
    if (initials.length > 1 && last === initials) return nameScore.weak
    if (isShortFor(last, head)) return nameScore.weak
  }
  if (name.stem.length > 1 && isLike(last, head)) return nameScore.weak
  // `homebranchid` for branches, in names that are glued together.
  if (name.stem.length === 1 && head.length > 3 && last.endsWith(joined(entity))) return nameScore.short
  return roleMatch(name.stem, head)
}

function roleMatch(stem: readonly string[], head: string): number {
  const isHeld = roleHolders.some(({ roles, holders }) => holders.has(head) && stem.some((word) => roles.has(word)))
  return isHeld ? nameScore.role : 0
}

function isLike(word: string, of: string): boolean {
  return word === of || isShortFor(word, of)
}

function endsWith(words: readonly string[], end: readonly string[]): boolean {
  return joined(words).endsWith(joined(end)) && joined(words.slice(-end.length)) === joined(end)
}

function joined(words: readonly string[]): string {
  return words.join('')
}
