/** What a configuration says, as one hash: a plan is applied only under the configuration that it was made with. */
import { type Config, placeOfUrl } from '../invariant/invariant.ts'
import { sha256 } from './plan-file.ts'

/**
 * The digest of sources and invariants. Passwords are left out, so that changing one does not void a plan; functions
 * count by their text.
 */
export function configDigest(config: Config): string {
  const sources = Object.entries(config.sources).map(([name, source]) => [
    name,
    placeOfUrl(source.url) ?? '',
    source.repair === undefined ? null : (placeOfUrl(source.repair.url) ?? ''),
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
