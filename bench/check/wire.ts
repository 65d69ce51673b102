/**
 * Bytes that the sides send to a check, as a share of their tables: `node check/wire.ts [run …]`, a run as in `check/run.ts`.
 *
 * Each server is reached through a proxy in this process, which counts; nothing here is timed.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { command } from './command.ts'
import { tableBytes } from './floors.ts'
import { urlsOf, works } from './work.ts'

const asked = process.argv.slice(2)
const runs = asked.length > 0 ? asked : ['pair:0', 'pair:10', 'pair:1000', 'portable:10', 'references:10']
const file = join(import.meta.dirname, '../results/check-wire.jsonl')
rmSync(file, { force: true })
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
  cwd: import.meta.dirname,
  encoding: 'utf8',
}).trim()
const bytesOfTable = await tableBytes()

interface Counted {
  readonly port: number
  received: number
  close(): void
}

/** A port that leads to another and counts what comes back. */
function counting(to: number): Promise<Counted> {
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1')
    upstream.on('data', (part) => {
      counted.received += part.length
    })
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) socket.on('error', () => {})
  })
  const counted = { port: 0, received: 0, close: () => server.close() }
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      counted.port = (server.address() as AddressInfo).port
      resolve(counted)
    })
  })
}

for (const run of runs) {
  const [name, differing] = run.split(':') as [string, string]
  const urls = urlsOf(works[name]!, Number(differing))
  const [owner, copy] = await Promise.all([urls.owner, urls.copy].map((url) => counting(Number(new URL(url).port))))
  const ports = { owner: owner!.port, copy: copy!.port }
  const { answer, failed } = await command(name, Number(differing), { ports })
  const line = {
    commit,
    run,
    answer: failed ?? answer,
    tableBytes: bytesOfTable,
    ownerBytes: owner!.received,
    copyBytes: copy!.received,
    shareOfTables: Number(((owner!.received + copy!.received) / (2 * bytesOfTable)).toFixed(5)),
  }
  owner!.close()
  copy!.close()
  process.stdout.write(`${JSON.stringify(line)}\n`)
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}
