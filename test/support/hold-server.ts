/** A program that starts a server and holds it: says its URL, stops it on SIGTERM, and is otherwise there to be killed. */
import { startEmbedded } from '../../src/store/embedded.ts'
import { findEmbeddedPackage, findOnPath, type Programs } from '../../src/store/embedded-package.ts'

/** What the program is told, as JSON in its first argument. */
export interface HoldOrder {
  readonly dataFolder?: string
  readonly home?: string
  readonly isFromPath?: boolean
}

const order = JSON.parse(process.argv[2] ?? '{}') as HoldOrder
const programs: Programs | undefined = order.home
  ? { kind: 'embedded', home: order.home, bin: `${order.home}/bin` }
  : order.isFromPath
    ? findOnPath()
    : findEmbeddedPackage()
if (!programs) throw new Error('no programs of PostgreSQL were found')

const begunAt = performance.now()
try {
  const server = await startEmbedded(programs, order.dataFolder ? { dataFolder: order.dataFolder } : {})
  const { url, runFolder, major } = server
  console.log(JSON.stringify({ url, runFolder, major, startMs: Math.round(performance.now() - begunAt) }))
  // The server holds nothing alive by itself, so something of ours has to.
  const life = setInterval(() => undefined, 60_000)
  process.on('SIGTERM', async () => {
    await server.stop()
    clearInterval(life)
  })
} catch (error) {
  console.log(JSON.stringify(error))
  process.exitCode = 1
}
