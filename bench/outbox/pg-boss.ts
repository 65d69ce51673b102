/** Work A by pg-boss: two workers of 256, woken by LISTEN, one upsert per job or one per batch. */
import { PgBoss } from 'pg-boss'
import { emitting, type MakeSystem, type Order, outboxWork } from './work.ts'

const pgBoss =
  ({ batchApply }: { readonly batchApply: boolean }): MakeSystem =>
  async (setting) => {
    const boss = new PgBoss({ connectionString: setting.ownerUrl, max: 16, useListenNotify: true, schedule: false })
    boss.on('error', (error) => process.stderr.write(`pg-boss: ${error.message}\n`))
    await boss.start()
    await boss.createQueue('orders', { notify: true })
    const options = { batchSize: 256, localConcurrency: 2, pollingIntervalSeconds: 0.5 }
    return {
      name: `pg-boss, 2 x 256, notify${batchApply ? ', batch apply' : ''}`,
      produce: emitting(setting.pool, (client, order) =>
        boss.send('orders', order, { db: { executeSql: (text, values) => client.query(text, values) } }),
      ),
      start: () =>
        boss.work<Order>('orders', options, async (jobs) => {
          if (batchApply) await setting.applyMany(jobs.map((job) => job.data))
          else await Promise.all(jobs.map((job) => setting.apply(job.data)))
        }),
      stop: () => boss.stop({ graceful: false, timeout: 1_000 }),
    }
  }

export const variants = {
  each: () => outboxWork(pgBoss({ batchApply: false })),
  batch: () => outboxWork(pgBoss({ batchApply: true })),
}
