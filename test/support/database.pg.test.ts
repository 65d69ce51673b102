/** The support that every other test stands on. */
import { expect, test } from 'vitest'
import { freshDatabase } from './database.ts'
import { waitFor } from './wait-for.ts'

test('two fresh databases share nothing', async () => {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()])
  const db = await one.connect()
  await db.query('create table seen (n int)')

  const answer = await (await other.connect()).query("select to_regclass('seen') as seen")

  expect(answer.rows).toEqual([{ seen: null }])
})

test('a dropped database is gone although somebody was connected', async () => {
  const gone = await freshDatabase()
  const stays = await freshDatabase()
  await (await gone.connect()).query('select 1')

  await gone.drop()

  const db = await stays.connect()
  expect((await db.query('select 1 from pg_database where datname = $1', [gone.name])).rows).toEqual([])
})

test('waiting ends with the value, or with what was waited for', async () => {
  let looks = 0

  expect(await waitFor(() => ++looks === 3 && looks, { within: 20_000, every: 1 })).toBe(3)
  await expect(waitFor(() => false, { within: 20, what: 'rain' })).rejects.toThrow('Waited 20 ms for rain, in vain.')
})
