/** A side of an invariant in an API: described, bound to forms, and read. */
import { briefText, type ColumnType, type Form, rowText } from '../../digest/digest.ts'
import {
  type Expression,
  expressionText,
  type HttpRows,
  keyText,
  type Side,
  sideName,
} from '../../invariant/invariant.ts'
import { heldOf, type StampedRow } from '../images.ts'
import { streamedReader } from '../streamed.ts'
import type { HttpClient } from './http-client.ts'
import { pagesOf } from './http-pages.ts'
import { isObject, type JsonNode, nodeText, readable, valueAt } from './json-node.ts'
import type { Described, Forms, Held, Keys, RowsAsked, SideReader, Source, ValuedRow } from './source.ts'

/** What an API does not say; enough buckets for what can be read from one within a check. */
const rowsUnknown = 10_000
/** Up to so many keys are asked for one by one, however few pages there are. */
const keysByOneLeast = 20
/** Questions that are on their way at once; how many start in a second is the client's to say. */
const questionsAtOnce = 4
/** Items of the first page by which `one` is tried. */
const itemsTried = 3

const textForm: Form = { kind: 'text' }
const anyType: ColumnType = { kind: 'any', name: 'JSON' }

/** Reads the first page, which proves that the side can be read, and that `one` finds what the page lists. */
export async function describeHttp(
  source: Source,
  client: HttpClient,
  side: Side,
  columns?: readonly Expression[],
): Promise<Described> {
  const rows = httpRows(side)
  const columnNames = columns === undefined ? Object.keys(side.columns).sort() : columns.map(expressionText)
  const paths =
    columns === undefined ? columnNames.map((name) => expressionText(side.columns[name] ?? name)) : columnNames
  const reads = new Reads(client, rows, side.key.map(expressionText), paths)
  const rowsAbout = await reads.prove()
  const described: Described = {
    name: sideName(side),
    source,
    side,
    key: side.key.map(() => anyType),
    columns: paths.map(() => anyType),
    columnNames,
    rowsAbout,
    rowsPrepared: rowsAbout,
    recordProbe: async () => undefined,
    bind: (forms) => bound(described, reads, forms),
  }
  return described
}

/** The items with one key, as they are. */
export async function peekHttp(
  client: HttpClient,
  side: Side,
  key: readonly string[],
  most: number,
): Promise<Record<string, unknown>[]> {
  const reads = new Reads(client, httpRows(side), side.key.map(expressionText), [])
  const wanted = rowText(key)
  const shown = (item: JsonNode): Record<string, unknown>[] =>
    isObject(item) && rowText(reads.keyOf(item)) === wanted
      ? [Object.fromEntries([...item.members].map(([name, node]) => [name, readable(node)]))]
      : []
  const one = reads.canAskOne ? await reads.one(key, shown) : undefined
  if (one !== undefined && one.length > 0) return one
  const found: Record<string, unknown>[] = []
  for await (const page of reads.pages(shown)) {
    found.push(...page.flat())
    if (found.length >= most) break
  }
  return found.slice(0, most)
}

function httpRows(side: Side): HttpRows {
  // The configuration refuses any other side of such a source.
  return side.rows.kind === 'http' ? side.rows.http : { path: '' }
}

function bound(described: Described, plain: Reads, forms: Forms): SideReader {
  const reads = plain.in(forms)
  return {
    ...streamedReader(described, forms, () => reads.stream()),
    stream: (how) => reads.stream(how),
    rows: (keys, how) => reads.rows(keys, how),
    missing: (keys) => reads.missing(keys),
  }
}

/** The reads of one side. */
class Reads {
  readonly #client: HttpClient
  readonly #rows: HttpRows
  readonly #key: readonly string[]
  readonly #columns: readonly string[]
  readonly #forms: Forms | undefined
  /** How many pages the last whole pass had. */
  #pages = 0

  constructor(client: HttpClient, rows: HttpRows, key: readonly string[], columns: readonly string[], forms?: Forms) {
    this.#client = client
    this.#rows = rows
    this.#key = key
    this.#columns = columns
    this.#forms = forms
  }

  in(forms: Forms): Reads {
    return new Reads(this.#client, this.#rows, this.#key, this.#columns, forms)
  }

  get canAskOne(): boolean {
    return this.#rows.one !== undefined
  }

  /** About how many rows there are, once it is known that they can be read. */
  async prove(): Promise<number> {
    const pages = this.pages((item) => this.keyOf(item))
    const { value: first = [] } = await pages.next()
    await this.#proveKeys(first.slice(0, itemsTried))
    const { done = false } = await pages.next()
    return done ? first.length : Math.max(rowsUnknown, first.length)
  }

  async #proveKeys(keys: readonly (readonly (string | null)[])[]): Promise<void> {
    const url = this.#client.address(this.#rows.path)
    if (keys.length > 0 && keys.every((key) => key.includes(null)))
      throw this.#client.unreadable(url, `items have no \`${this.#key.join('`, `')}\``, 'Correct `key` of the side.')
    if (this.canAskOne && keys.length > 0) {
      const asked = keys.filter((key): key is readonly string[] => !key.includes(null))
      const found = await this.#ones(asked, () => true)
      if (found.every((isThere) => isThere === undefined))
        throw this.#client.unreadable(
          this.#client.address(this.#rows.one ?? ''),
          'not one of the items that the first page lists is there',
          'Correct `http.one` of the side, or leave it out.',
        )
    }
  }

  /** What `take` makes of all items, a page at a time. */
  async *pages<T>(take: (item: JsonNode) => T): AsyncGenerator<readonly T[]> {
    let pages = 0
    for await (const page of pagesOf(this.#client, this.#rows, take)) {
      pages += 1
      yield page
    }
    this.#pages = pages
  }

  /** What `take` makes of the item of a key; undefined where there is none. */
  async one<T>(key: readonly string[], take: (item: JsonNode) => T): Promise<T | undefined> {
    const filled = (this.#rows.one ?? '').replace(/\{([^{}]+)\}/g, (_, name: string) =>
      encodeURIComponent(key[name === 'key' && key.length === 1 ? 0 : this.#key.indexOf(name)] ?? ''),
    )
    const url = this.#client.address(filled)
    return this.#client.get(url, ({ body }) => {
      if (body === undefined) return undefined
      const item = this.#rows.item === undefined ? body : valueAt(body, this.#rows.item)
      // Taken for absent, a wrong path would turn every row into a finding.
      if (!isObject(item) || this.keyOf(item).includes(null))
        throw this.#client.unreadable(url, 'the answer is no item with a key', 'Give `http.item`, the path to it.')
      return take(item)
    })
  }

  /** The same of several keys, some at once, unless one alone is megabytes. */
  async #ones<T>(keys: Keys, take: (item: JsonNode) => T): Promise<(T | undefined)[]> {
    const found: (T | undefined)[] = []
    while (found.length < keys.length) {
      const most = this.#client.hasLargeBodies ? 1 : questionsAtOnce
      const asked = keys.slice(found.length, found.length + most)
      found.push(...(await Promise.all(asked.map((key) => this.one(key, take)))))
    }
    return found
  }

  keyOf(item: JsonNode): (string | null)[] {
    return this.#key.map((path, i) => nodeText(this.#forms?.key[i] ?? textForm, valueAt(item, path)))
  }

  #valuesOf(item: JsonNode, { isBrief = false }: RowsAsked = {}): (string | null)[] {
    return this.#columns.map((path, i) => {
      const form = this.#forms?.columns[i] ?? textForm
      const text = nodeText(form, valueAt(item, path))
      return isBrief ? briefText(form, text) : text
    })
  }

  stream(how?: RowsAsked): AsyncGenerator<readonly ValuedRow[]> {
    return this.pages((item) => ({ key: this.keyOf(item), values: this.#valuesOf(item, how) }))
  }

  async rows(keys: Keys, how?: RowsAsked): Promise<ReadonlyMap<string, Held>> {
    const { version } = this.#rows
    const found = await this.#byKey(keys, (item): StampedRow => {
      const stamp = version === undefined ? null : nodeText(textForm, valueAt(item, version))
      return { key: this.keyOf(item), values: this.#valuesOf(item, how), stamp: stamp ?? '' }
    })
    return heldOf(found)
  }

  async missing(keys: Keys): Promise<ReadonlySet<string>> {
    const gone = new Set(keys.map(rowText))
    for (const key of await this.#byKey(keys, (item) => rowText(this.keyOf(item)))) gone.delete(key)
    return gone
  }

  /** What `take` makes of items with one of the keys: asked for one by one where that takes fewer requests than all pages. */
  async #byKey<T>(keys: Keys, take: (item: JsonNode) => T): Promise<T[]> {
    if (keys.length === 0) return []
    const asked = new Set(keys.map(rowText))
    const takeAsked = (item: JsonNode): T[] => (asked.has(rowText(this.keyOf(item))) ? [take(item)] : [])
    if (this.canAskOne && keys.length <= Math.max(keysByOneLeast, this.#pages))
      return (await this.#ones(keys, takeAsked)).flatMap((found) => found ?? [])
    const found: T[] = []
    const listed = new Set<string>()
    let isRepeated = false
    for await (const page of this.pages((item) => ({ key: rowText(this.keyOf(item)), taken: takeAsked(item) }))) {
      isRepeated ||= page.some(({ key }) => listed.has(key))
      for (const { key, taken } of page) {
        listed.add(key)
        found.push(...taken)
      }
    }
    if (isRepeated) this.#proveOrder(keys, listed)
    return found
  }

  /** A list whose order changes from page to page repeats some items and leaves others out, which are there all the same. */
  #proveOrder(keys: Keys, listed: ReadonlySet<string>): void {
    const left = keys.find((key) => !listed.has(rowText(key)))
    if (left === undefined) return
    throw this.#client.unreadable(
      this.#client.address(this.#rows.path),
      `one page repeats items of another, so that a changing order may have left out ${keyText(left)}`,
      'Ask for an order by the key in `path`, or give `http.one`, the path to one item.',
    )
  }
}
