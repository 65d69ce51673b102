/** What the demo's checks compare: the academy's invariants, with the patience of somebody who watches. */
import { type Config, defineConfig } from 'selvedge/invariant'
import { invariants } from './invariants.ts'
import { serviceNames } from './services.ts'

/** How long a copy may lag in the demo. Nothing is delayed there by more than a tenth of a second. */
export const demoBound = { milliseconds: 2_000 } as const

/**
 * The configuration for the databases of a running demo.
 *
 * @throws refused `invariant/bad-config` when a URL is none.
 */
export function demoConfig(urlOf: (service: string) => string): Config {
  return defineConfig({
    sources: Object.fromEntries(serviceNames.map((service) => [service, { url: urlOf(service) }])),
    invariants: invariants.map((invariant) => invariant.within(demoBound)),
  })
}
