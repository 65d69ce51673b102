/** The naive academy in a simulated world: eight services, their databases, and the world's channel as the broker. */
import type { Hono } from 'hono'
import { type Database, openDatabase } from 'selvedge/store'
import type { Variant, World } from 'selvedge/testing'
import type { Action } from '../actions.ts'
import type { AcademyDatabases } from '../databases.ts'
import type { AcademyService } from '../domain.ts'
import { type Envelope, type NaiveNode, naiveNode, prepareNaive, topicOf } from '../ports/naive.ts'
import { academy, type ServiceName, serviceNames } from '../services.ts'
import { userContract } from '../user/contract.ts'
import { userContractV1 } from '../user/contract-v1.ts'
import { type AcademyVariant, ask, openly } from './variant.ts'

interface Running {
  readonly service: AcademyService
  readonly node: NaiveNode
  readonly api: Hono
}

/** Starts the naive academy in `world`. */
export async function naiveVariant(world: World<never>, databases: AcademyDatabases): Promise<AcademyVariant> {
  const opened = new Map<ServiceName, Database>()
  const running = new Map<ServiceName, Running>()
  let sent = 0

  const publish = async (from: ServiceName, topic: string, envelope: Envelope) => {
    sent += 1
    const [key = '', id] =
      Object.entries(envelope).find(([name]) => !['eventType', 'version', 'timestamp', 'data'].includes(name)) ?? []
    world.channel.publish(from, `${topic}/${envelope.eventType}`, {
      id: `naive-${sent}`,
      about: envelope.eventType,
      stream: `${topic}:${key}/${String(id)}`,
      carriesChange: true,
      schemaVersion: Number.parseInt(envelope.version, 10),
      payload: JSON.stringify(envelope) as never,
    })
  }

  const start = (name: ServiceName, contract: typeof userContract | typeof userContractV1) => {
    const service = academy[name](contract)
    const db = opened.get(name) as Database
    const node = naiveNode(service, {
      db,
      broker: { publish: (topic, message) => publish(name, topic, JSON.parse(message) as Envelope) },
      get: (owner, path) =>
        world.network.call(name, owner, async () => (running.get(owner as ServiceName) as Running).api.request(path)),
      now: () => world.time.clock(world.plan.skews[name]).now(),
    })
    running.set(name, { service, node, api: openly(service.api(node.run)) })
    for (const event of eventsHeard(service)) world.channel.subscribe(name, `${topicOf(event.service)}/${event.name}`)
  }

  for (const name of serviceNames) {
    const db = openDatabase(databases.url(name), { max: 2 })
    opened.set(name, db)
    await prepareNaive(academy[name](userContractV1), db)
    start(name, userContractV1)
  }

  const variant: Variant<Action, never> = {
    name: 'naive',
    act: (action) => ask((running.get(action.service) as Running).api, action),
    deliver: (to, message) => (running.get(to as ServiceName) as Running).node.receive(String(message.payload)),
    // Nothing runs by itself here: what was not sent at once is never sent.
    settle: async () => undefined,
    stopService: async () => undefined,
    startService: async () => undefined,
    crash: async () => undefined,
    versionSkew: async (phase, { service }) => {
      const learning = phase === 'begins' ? serviceNames.filter((name) => name !== service) : [service as ServiceName]
      for (const name of learning) start(name, userContract)
    },
  }
  return {
    variant,
    events: async () => ({ published: sent, applied: 0, duplicatesDropped: 0, pulled: 0, refreshed: 0, parked: 0 }),
    close: async () => {
      await Promise.all([...opened.values()].map((db) => db.close()))
    },
  }
}

/** Every event that a service listens to, once. */
export function eventsHeard(service: AcademyService) {
  const all = [
    ...service.copies.flatMap((copy) => [...copy.from, copy.ended]),
    ...service.facts.map((fact) => fact.theirs),
    ...service.reactions.map((reaction) => reaction.event),
  ]
  return [...new Map(all.map((event) => [`${event.service}.${event.name}`, event])).values()]
}
