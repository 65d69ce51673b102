/** How well references are found again in generated schemas of many styles, in every single cut into two and three. */
import { describe, expect, it } from 'vitest'
import { cutsOf, poorCuts, scoreOf, summaryOf, wholeReader } from '../../../test/propose/cut.ts'
import { generate, int, ref, serial, text } from '../../../test/propose/generate.ts'
import { hardSchemas } from '../../../test/propose/hard-schemas.ts'
import { schemas } from '../../../test/propose/schemas.ts'
import { referenceEvidence } from './evidence.ts'
import { propose } from './propose.ts'

const floor = { precision: 0.9, recall: 0.8 }

describe.each(Object.entries({ ...schemas, ...hardSchemas }))('%s', (name, spec) => {
  it('of each cut, nine in ten proposals are right, and eight in ten references are proposed', async () => {
    const whole = { ...generate(spec, 11), reader: wholeReader }
    const scores = []
    for (const cut of cutsOf(8)) scores.push(await scoreOf(whole, cut))
    const { precision, recall, recallShown } = summaryOf(scores)
    const shown = recallShown.toFixed(2)
    console.info(`${name}: precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)} (${shown} shown)`)
    expect(scores.some(({ wanted }) => wanted > 0)).toBe(true)
    expect(poorCuts(scores, floor)).toEqual([])
  })
})

it('a service refers to its own users, not to the users of another service', async () => {
  const orders = generate(
    {
      users: { rows: 300, columns: { id: serial(), name: text() } },
      orders: { rows: 500, columns: { id: serial(), user_id: int(1, 200) } },
    },
    1,
  )
  const support = generate({ users: { rows: 200, columns: { id: serial(), name: text() } } }, 2)
  const tables = [
    ...orders.tables.map((table) => ({ ...table, source: 'orders' })),
    ...support.tables.map((table) => ({ ...table, source: 'support' })),
  ]
  expect(await propose(tables, wholeReader)).toEqual({ references: [], twins: [] })
})

it('but where both hold the same, to that of the other, since one of them is the owner', async () => {
  const spec = {
    tracks: { rows: 90, columns: { id: serial(), title: text(), band: text() } },
    sales: { rows: 400, columns: { id: serial(), track_id: ref('tracks') } },
  }
  const { tables } = generate(spec, 4)
  const catalog = tables.filter(({ name }) => name === 'tracks').map((table) => ({ ...table, source: 'catalog' }))
  const shop = tables.map((table) => ({ ...table, source: 'shop' }))
  for (const all of [
    [...catalog, ...shop],
    [...shop, ...catalog],
  ]) {
    const { references, twins } = await propose(all, wholeReader)
    expect(twins).toHaveLength(1)
    expect(references.map(referenceEvidence)).toEqual([
      '100 % of shop.sales.track_id are in catalog.tracks.id (400 rows)',
    ])
  }
})
