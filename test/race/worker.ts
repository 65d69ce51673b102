/**
 * A process that shares the consumer `copy` with others, there to be killed or stopped. Says `ready` when it reads, and
 * `inside` when the handler of an event marked `pause` has written and not yet committed, or of one marked `pause first` before it
 * writes. One marked `die` is its end.
 */
import { systemScheduler } from '../../src/base/scheduler.ts'
import { openDatabase } from '../../src/store/postgres.ts'
import { countInCopy, countingConsumer, startReader } from './shop.ts'

/** What the process is told, as JSON in its first argument. */
export interface WorkerOrder {
  readonly url: string
  readonly beatMs?: number
  readonly batchEvents?: number
}

/** Time enough to be stopped inside the handler, and less than the server grants a silent transaction. */
const pauseMs = 1_000

const { url, ...options } = JSON.parse(process.argv[2] ?? '{}') as WorkerOrder
const source = openDatabase(url, { max: 2, applicationName: 'race worker' })
const own = openDatabase(url, { schema: 'reader', max: 4, applicationName: 'race worker' })
const scheduler = systemScheduler()
const pause = async (): Promise<void> => {
  console.log('inside')
  await scheduler.sleep(pauseMs)
}
const counting = countingConsumer('copy', async (tx, event) => {
  const { by } = event.data as { by?: string }
  if (by === 'pause first') await pause()
  await countInCopy(tx, event)
  if (by === 'die') process.kill(process.pid, 'SIGKILL')
  if (by !== 'pause') return
  await tx.query('select 1')
  await pause()
})
const reader = await startReader({ source, own }, counting, options)
console.log(`ready ${reader.members.id}`)

process.on('SIGTERM', async () => {
  await reader.stop()
  await scheduler.stop()
  await Promise.all([source.close(), own.close()])
})
