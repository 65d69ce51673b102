import { describe, expect, it } from 'vitest'
import { conserves, custom, type Invariant } from '../../invariant/invariant.ts'
import { writableTable } from './writable-table.ts'
import { oncePerTable, type WritableTable } from './writer.ts'

const columns = async () =>
  [
    { name: 'course', type: 'text' },
    { name: 'price', type: 'int8' },
  ] as never
const firstOf = (invariant: Invariant) => writableTable('shop', invariant.relation.sides[0]!, columns)
const seats = { source: 'shop', table: 'seats', key: 'course' }

describe('nothing is written', () => {
  it('into the rows behind a sum', async () => {
    const summed = conserves('Sold', { ...seats, sum: 'price' }, { ...seats, source: 'bank', sum: 'price' })
    expect(await firstOf(summed)).toBe('shop is compared by sums, and a sum cannot be written into its rows')
  })

  it('where code reads', async () => {
    const { table: _, ...read } = { ...seats, columns: ['price'], read: () => [] }
    expect(await firstOf(custom('Told', read, { ...seats, columns: ['price'] }))).toContain('read by code')
  })
})

describe('what is asked of a table', () => {
  it('is asked once, however many rows of it are planned', async () => {
    const asked: string[] = []
    const ask = oncePerTable(async ({ table }) => asked.push(table))
    const named = (table: string) => ({ table }) as WritableTable
    await Promise.all(['seats', 'rows', 'seats', 'seats'].map((table) => ask(named(table))))
    expect(asked).toEqual(['seats', 'rows'])
  })
})
