/** What values prove where names say nothing, and what they do not prove: each table is written so that one rule decides. */
import { expect, it } from 'vitest'
import { wholeReader } from '../../../test/propose/cut.ts'
import { seededRandom } from '../../base/random.ts'
import { propose, type Reader } from './propose.ts'
import { keyKindOf, type SurveyTable } from './survey.ts'

type Values = readonly (string | number | null)[]

interface Description {
  readonly columns: Readonly<Record<string, Values>>
  /** The first column by default; none where it is empty. */
  readonly key?: readonly string[]
  readonly unique?: readonly string[]
}

function table(source: string, name: string, { columns, key, unique = [] }: Description): SurveyTable {
  const names = Object.keys(columns)
  const typeOf = (values: Values) => (values.every((value) => typeof value !== 'string') ? 'integer' : 'varchar(60)')
  const described = names.map((column) => ({ name: column, type: typeOf(columns[column]!) }))
  return {
    ...{ source, name, rows: columns[names[0]!]!.length, isWhole: true, foreignKeys: [] },
    hasPrimaryKey: key?.length !== 0,
    keys: [key ?? [names[0]!], ...unique.map((column) => [column])].filter(({ length }) => length > 0),
    columns: described.map((column) => ({ ...column, kind: keyKindOf(column.type) })),
    sample: new Map(
      names.map((column) => [column, columns[column]!.map((value) => (value === null ? null : `${value}`))]),
    ),
  }
}

const random = seededRandom('values')
const counted = (rows: number) => Array.from({ length: rows }, (_, i) => i + 1)
const draw = <T>(from: readonly T[], rows: number) => Array.from({ length: rows }, () => from[random.int(from.length)]!)
const drawDifferent = <T>(from: readonly T[], rows: number) => random.shuffle(from).slice(0, rows)
const words = (rows: number) => Array.from({ length: rows }, (_, i) => `word ${(i * 7919) % 100_003}`)
const sparse = drawDifferent(counted(9_000), 120).map((number) => number + 20)

async function proposed(tables: readonly SurveyTable[], reader: Reader = wholeReader): Promise<string[]> {
  const { references } = await propose(tables, reader)
  return references
    .filter(({ confidence }) => confidence === 'sure')
    .map((one) => `${one.table.name}.${one.columns.join('+')} -> ${one.parent.table.name}`)
}

const towns = table('maps', 'towns', { columns: { id: counted(2_500), label: words(2_500) } })
const nation = (column: Values) =>
  table('states', 'nations', { columns: { iso: counted(180).map((i) => `N${i}`), residence: column } })

it('keys drawn from all over one table are proposed, whatever the column is called', async () => {
  expect(await proposed([towns, nation(drawDifferent(counted(2_500), 180))])).toEqual(['nations.residence -> towns'])
})

it('amounts that end where the key ends are not', async () => {
  const skewed = Array.from({ length: 180 }, (_, i) => Math.max(1, Math.round(2_499 * (i / 179) ** 4)))
  expect(await proposed([towns, nation(random.shuffle(skewed))])).toEqual([])
})

it('numbers of 1 to 180 are not, since a count of the own rows has them', async () => {
  expect(await proposed([towns, nation(random.shuffle(counted(180)))])).toEqual([])
})

it('a few numbers are not', async () => {
  expect(await proposed([towns, nation([1, 2_500, ...draw(counted(2_500), 10), ...Array(168).fill(null)])])).toEqual([])
})

it('an own key that lies in the gaps of another extends that table', async () => {
  const sights = table('travel', 'sights', { columns: { sight_id: sparse, label: words(120) } })
  const galleries = (own: Values) =>
    table('culture', 'galleries', { columns: { gallery_id: own, floors: draw(counted(4), own.length) } })
  expect(await proposed([sights, galleries(drawDifferent(sparse, 40))])).toEqual(['galleries.gallery_id -> sights'])
  expect(await proposed([sights, galleries(counted(40))])).toEqual([])
})

it('but keys counted by tens do not extend each other', async () => {
  const tens = (rows: number) => counted(rows).map((i) => i * 10)
  const wards = table('a', 'wards', { columns: { ward_no: tens(60), label: words(60) } })
  const menus = table('b', 'menus', { columns: { menu_no: tens(40), price: draw(counted(900), 40) } })
  expect(await proposed([wards, menus])).toEqual([])
})

it('a column of addresses of e-mail refers to whom they are the key of', async () => {
  const addresses = counted(90).map((i) => `p${i * 37}@example.com`)
  const readers = table('people', 'readers', {
    columns: { id: counted(90), email: addresses, shelf: draw(counted(9), 90) },
    unique: ['email'],
  })
  const loans = (column: Values) => table('desk', 'loans', { columns: { id: counted(300), contact_mail: column } })
  expect(await proposed([readers, loans(draw(addresses, 300))])).toEqual(['loans.contact_mail -> readers'])
  const others = counted(300).map((i) => `q${i}@example.com`)
  expect(await proposed([readers, loans(others)])).toEqual([])
})

it('a partition, or an archive, refers to nothing by the key of its own kind', async () => {
  const events = (rows: readonly number[]) => ({
    event_id: rows,
    kind_no: draw(counted(3), rows.length),
    place: draw(counted(70), rows.length),
    cents: rows,
  })
  const tables = [
    table('log', 'events', { columns: events(counted(400)) }),
    table('old', 'events_2031_04', { columns: events(counted(120)), key: [] }),
  ]
  expect(await proposed(tables)).toEqual([])
})

it('a key with two indexes is not its own rival', async () => {
  const batches = table('plant', 'work_batches', { columns: { id: counted(40), label: words(40) }, unique: ['id'] })
  const moves = table('store', 'moves', { columns: { id: counted(200), work_batch_id: Array(200).fill(null) } })
  expect(await proposed([batches, moves])).toEqual(['moves.work_batch_id -> work_batches'])
})

it('what is said of each shop and year refers to the shop, and not to what else is said of them', async () => {
  const pairs = counted(20).flatMap((shop) => counted(12).map((i) => [shop * 3, 2000 + i] as const))
  const of = (source: string, name: string, rows: typeof pairs) =>
    table(source, name, {
      columns: {
        shop_id: rows.map(([shop]) => shop),
        year: rows.map(([, year]) => year),
        cents: rows.map((_, i) => i * 13),
      },
      key: ['shop_id', 'year'],
    })
  const shops = table('core', 'shops', { columns: { id: counted(60), label: words(60) } })
  const tables = [shops, of('rent', 'rents', pairs), of('tax', 'taxes', pairs.slice(0, 150))]
  expect(await proposed(tables)).toEqual(['rents.shop_id -> shops', 'taxes.shop_id -> shops'])
})

it('columns of one name speak for each other where values are missing, unless they disagree', async () => {
  const users = table('core', 'accounts', { columns: { account_id: counted(30), label: words(30) } })
  const at = (name: string, rows: number) =>
    table('work', name, {
      columns: { [`${name}_id`]: counted(rows), handled_by: draw(counted(30), rows), cents: draw(counted(90), rows) },
    })
  const all = await proposed([users, at('ticket', 90), at('visit', 70), at('refund', 0)])
  expect(all).toEqual([
    'ticket.handled_by -> accounts',
    'visit.handled_by -> accounts',
    'refund.handled_by -> accounts',
  ])
  const [ticket, refund] = [at('ticket', 90), at('refund', 0)]
  expect(await proposed([users, ticket, refund])).toEqual(['ticket.handled_by -> accounts'])
})

it('what is done in a system is done by its users, though persons have the same numbers', async () => {
  const users = table('core', 'users', { columns: { user_id: counted(40), login: words(40) } })
  const persons = table('core', 'person', { columns: { person_id: counted(40), born: draw(counted(90), 40) } })
  const notes = table('work', 'notes', {
    columns: { note_id: counted(200), voided_by: draw(counted(40), 200), edited_by: Array(200).fill(null) },
  })
  expect(await proposed([persons, users, notes])).toEqual(['notes.voided_by -> users', 'notes.edited_by -> users'])
})

it('where no row is yet, a key that is named after its table is proposed, and no key that is named after another', async () => {
  const county = (source: string, name: string) => table(source, name, { columns: { county_name: [], miles: [] } })
  const lakes = table('b', 'lakes', { columns: { lake_id: [], county_name: [] } })
  expect(await proposed([county('a', 'county'), county('c', 'border_length'), lakes])).toEqual([
    'border_length.county_name -> county',
    'lakes.county_name -> county',
  ])
})

it('a sample of what counts the own rows is not, though the sample leaves most numbers out', async () => {
  const sampled = { rows: 60_000, isWhole: false }
  const ends = new Map([['id', { min: 1n, max: 60_000n }]])
  const homes = {
    ...table('maps', 'homes', { columns: { id: counted(9_000), label: words(9_000) } }),
    ...sampled,
    ends,
  }
  const visits = (column: Values) => ({
    ...table('log', 'visits', { columns: { code: counted(9_000).map((i) => `V${i}`), moss: column } }),
    ...sampled,
  })
  const isNumber = (value: string) => /^\d+$/.test(value)
  const numbers: Reader = {
    ...wholeReader,
    present: async (_table, _columns, values) => new Set(values.filter(isNumber)),
  }
  const own = drawDifferent(counted(60_000), 9_000)
  expect(await proposed([homes, visits(own)], numbers)).toEqual([])
  const few = drawDifferent(own, 300)
  expect(await proposed([homes, visits([...few, ...Array(8_700).fill(null)])], numbers)).toEqual([
    'visits.moss -> homes',
  ])
})

it('where no row is yet, the key of a table is its own, and not that of a table that ends in the same word', async () => {
  const notes = (source: string, name: string, rows: number) =>
    table(source, name, { columns: { noteid: counted(rows), body: words(rows) } })
  expect(await proposed([notes('a', 'stock_note', 90), notes('b', 'trade_note', 0)])).toEqual([])
})
