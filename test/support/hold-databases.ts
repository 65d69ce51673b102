/** A program that makes the databases of some services on a given server and holds them until it is stopped or killed. */
import { serviceDatabases } from '../../src/store/service-databases.ts'

const [url = '', prefix = '', ...services] = process.argv.slice(2)
try {
  const databases = await serviceDatabases({ url, kind: 'given', stop: async () => undefined }, { prefix })
  const made = []
  for (const service of services) made.push(await databases.create(service))
  console.log(JSON.stringify(made))
  const life = setInterval(() => undefined, 60_000)
  process.on('SIGTERM', async () => {
    await databases.stop()
    clearInterval(life)
  })
} catch (error) {
  console.log(JSON.stringify(error))
  process.exitCode = 1
}
