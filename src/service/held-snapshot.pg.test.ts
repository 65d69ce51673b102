import { expect, test } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { waitFor } from '../../test/support/wait-for.ts'
import { service } from '../contract/contract.ts'
import { openDatabase } from '../store/store.ts'
import { defineService } from './service.ts'

test('health names the session that has held a snapshot for too long, until it lets go', async () => {
  const fresh = await freshDatabase()
  const running = defineService({ contract: service('user'), database: await fresh.connect(), heldSnapshotMs: 200 })
  await running.start()
  const forgetful = openDatabase(fresh.url, { applicationName: 'forgetful', max: 1 })
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const transaction = forgetful.transaction(
    async (tx) => {
      await tx.query('select count(*) from selvedge.head')
      await held
    },
    { isolation: 'repeatable read' },
  )
  const holder = () => {
    running.wake()
    return running.health().heldSnapshot
  }
  await waitFor(() => holder()?.application === 'forgetful', { within: 20_000, every: 100 })
  expect(running.health().heldSnapshot).toMatchObject({ state: 'idle in transaction', database: fresh.name })
  letGo()
  await transaction
  await waitFor(() => holder()?.application !== 'forgetful', { within: 20_000, every: 100 })
  await running.stop()
  await forgetful.close()
})
