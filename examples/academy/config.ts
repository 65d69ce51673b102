/** The configuration of `selvedge check` for a running academy. */
import { type Config, defineConfig } from 'selvedge/invariant'
import { invariants } from './invariants.ts'
import { type ServiceName, serviceNames } from './services.ts'

/**
 * The configuration for databases at `urlOf(service)`.
 *
 * @throws refused `invariant/bad-config` when a URL is none.
 */
export function academyConfig(urlOf: (service: ServiceName) => string): Config {
  return defineConfig({
    sources: Object.fromEntries(serviceNames.map((service) => [service, { url: urlOf(service) }])),
    invariants,
  })
}
