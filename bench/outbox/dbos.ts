/** Work A by DBOS: its SQL `enqueue_workflow` joins the business transaction; one workflow with one step per event. */
import { DBOS } from '@dbos-inc/dbos-sdk'
import { emitting, type MakeSystem, type Order, outboxWork } from './work.ts'

const dbos: MakeSystem = async (setting) => {
  DBOS.registerWorkflow(async (order: Order) => DBOS.runStep(() => setting.apply(order), { name: 'apply' }), {
    name: 'applyOrder',
  })
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: setting.ownerUrl,
    systemDatabasePoolSize: 20,
    runAdminServer: false,
    logLevel: 'error',
    applicationVersion: 'v1',
  })
  await DBOS.launch()
  await DBOS.registerQueue('orders', { workerConcurrency: 256, minPollingIntervalMs: 20 })
  return {
    name: 'DBOS queue, 256 workers, poll 20 ms',
    produce: emitting(setting.pool, (client, order) =>
      client.query({
        name: 'enqueue',
        text: `select dbos.enqueue_workflow('applyOrder', 'orders', array[$1::json])`,
        values: [JSON.stringify(order)],
      }),
    ),
    start: async () => undefined,
    stop: () => DBOS.shutdown(),
  }
}

export const variants = { tuned: () => outboxWork(dbos) }
