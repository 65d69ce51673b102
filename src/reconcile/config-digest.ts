/** What a configuration says, as one hash: a plan is applied only under the configuration that it was made with. */
import type { Config } from '../invariant/invariant.ts'
import { sha256 } from './plan-file.ts'

/**
 * The digest of sources and invariants. Passwords are left out, so that changing one does not void a plan; functions
 * count by their text.
 */
export function configDigest(config: Config): string {
  const sources = Object.entries(config.sources).map(([name, source]) => [
    name,
    placeOf(source.url),
    source.repair === undefined ? null : placeOf(source.repair.url),
    source.schema ?? null,
    source.service ?? null,
  ])
  const invariants = config.invariants.map(({ name, relation, deadline, link, repairs }) => [
    name,
    relation,
    deadline,
    link ?? null,
    repairs,
  ])
  return sha256(JSON.stringify([sources, invariants], plain))
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'function' ? String(value) : typeof value === 'bigint' ? String(value) : value
}

function placeOf(url: string): string {
  try {
    const { protocol, hostname, port, pathname, searchParams } = new URL(url)
    // A socket's folder, or a search path, leads to other tables just as another host does.
    const led = ['host', 'port', 'options'].map((name) => searchParams.get(name) ?? '').join(' ')
    return `${protocol}//${hostname}:${port}${pathname} ${led}`
  } catch {
    return ''
  }
}
