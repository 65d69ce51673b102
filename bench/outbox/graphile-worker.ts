/** Work A by graphile-worker, with the settings that were fastest here: a local queue and completions in batches. */
import { Logger, run, runMigrations } from 'graphile-worker'
import { emitting, type MakeSystem, type Order, outboxWork } from './work.ts'

const silent = new Logger(() => () => undefined)

const graphileWorker: MakeSystem = async (setting) => {
  const preset = {
    worker: {
      connectionString: setting.ownerUrl,
      concurrentJobs: 16,
      maxPoolSize: 18,
      pollInterval: 500,
      logger: silent,
      fileExtensions: [],
      localQueue: { size: 256 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  }
  await runMigrations({ preset })
  let runner: Awaited<ReturnType<typeof run>> | undefined
  return {
    name: 'graphile-worker, local queue 256, batched completion',
    produce: emitting(setting.pool, (client, order) =>
      client.query({
        name: 'add job',
        text: `select graphile_worker.add_job('orders', $1::json)`,
        values: [JSON.stringify(order)],
      }),
    ),
    async start() {
      const taskList = { orders: (payload: unknown) => setting.apply(payload as Order) }
      runner = await run({ preset, noHandleSignals: true, parsedCronItems: [], taskList })
    },
    stop: async () => runner?.stop().catch(() => undefined),
  }
}

export const variants = { tuned: () => outboxWork(graphileWorker) }
