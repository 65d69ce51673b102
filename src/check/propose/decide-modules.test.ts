/** Which first words of tables say where they belong, and which say what they are about. */
import { expect, it } from 'vitest'
import { aboutsOf } from './decide-modules.ts'
import type { SurveyTable } from './survey.ts'

/** Tables by their names, each with the columns that are given. */
function plainsOf(
  described: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, string | undefined>> {
  const tables = Object.entries(described).map(
    ([name, columns]): SurveyTable => ({
      ...{ source: name.length % 2 === 0 ? 'a' : 'b', name, rows: 0, isWhole: true, keys: [], foreignKeys: [] },
      ...{ hasPrimaryKey: false, sample: new Map() },
      columns: columns.map((column) => ({ name: column, type: 'integer', kind: 'integer' })),
    }),
  )
  return Object.fromEntries([...aboutsOf(tables)].map(([{ name }, { plain }]) => [name, plain?.join(' ')]))
}

it('a word that three tables begin with is that of a module', () => {
  expect(
    plainsOf({ shop_items: [], shop_unit_of_measure: [], shop_offers: [], dock_gates: [], dock_doors: [] }),
  ).toEqual({
    ...{ shop_items: 'item', shop_unit_of_measure: 'unit of measure', shop_offers: 'offer' },
    ...{ dock_gates: undefined, dock_doors: undefined },
  })
})

it.each<[string, Readonly<Record<string, readonly string[]>>]>([
  ['a table has it as its name', { orders: [] }],
  ['another module has such a table', { web_order: [] }],
  ['a key is named after it', { notes: ['order_id'] }],
  ['a key of one word is', { notes: ['lastorder', 'orderid'] }],
])('none is one that names a thing: %s', (_, others) => {
  const plains = plainsOf({ order_items: [], order_discounts: [], order_notes: [], ...others })
  expect(Object.values(plains)).not.toContain('item')
})

it('nor one that is short for a thing', () => {
  const plains = plainsOf({ emp_salaries: [], emp_skills: [], emp_leave: [], employees: [] })
  expect(Object.values(plains).filter((plain) => plain !== undefined)).toEqual([])
})

it('but a table whose name says it twice belongs to the module of that name', () => {
  const plains = plainsOf({ unit_unit: ['unit_id'], unit_scale: [], unit_family: [], moves: ['unit_id'] })
  expect(plains).toEqual({ unit_unit: undefined, unit_scale: 'scale', unit_family: 'family', moves: undefined })
})

it('what two modules have is of neither alone', () => {
  const plains = plainsOf({
    ...{ crm_contact: [], crm_lead: [], crm_note: [] },
    ...{ hr_contact: [], hr_leave: [], hr_shift: [], leave: [] },
  })
  expect(plains).toMatchObject({ crm_contact: undefined, hr_contact: undefined, hr_leave: undefined, crm_lead: 'lead' })
})
