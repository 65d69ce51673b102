/** A relay in a process of its own, over a plain pool: says each event that it sends, until it is killed. Argument: the URL. */
import pg from 'pg'
import { relay } from '../../src/outbox/outbox.ts'

const pool = new pg.Pool({ connectionString: process.argv[2], max: 2 })
const events = relay(pool, {
  batchEvents: 8,
  // The next process takes over soon, so that many deaths fit into a test.
  beatMs: 250,
  send: async (batch) => {
    // A line is out before the next statement, as a message that a broker has taken.
    for (const event of batch) process.stdout.write(`${event.stream} ${event.version}\n`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  },
})
await events.start()
console.log('started')
