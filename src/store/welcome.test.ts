/** A server that greets and takes the connection back in the same bytes, as `idle_session_timeout` of a millisecond does. */
import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { openDatabase } from './postgres.ts'

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

it('a connection that is lost before anybody has it fails its statements, and no process', async () => {
  const parting = message('E', Buffer.from('SFATAL\0C57P05\0Mterminating connection\0\0'))
  const greeting = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I')), parting])
  const server = createServer((socket) => socket.once('data', () => socket.end(greeting)).on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const database = openDatabase(`postgres://nobody@127.0.0.1:${port}/none`)

  await expect(database.query('select 1')).rejects.toMatchObject({ kind: 'transient' })

  await database.close()
  await new Promise((resolve) => server.close(resolve))
})
