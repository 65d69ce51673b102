/** Which databases a command works on: those of a configuration, or those of the demo that runs. */
import { refused } from '../base/error.ts'
import type { Config } from '../invariant/invariant.ts'
import { type DemoAddress, findDemo } from './demo-address.ts'
import { findConfig } from './find-config.ts'
import { loadConfig } from './load-config.ts'
import type { Terminal } from './terminal.ts'

/** What a person gave. */
export interface ConfigChoice {
  readonly config?: string | undefined
  /** The variant of the running demo; true for the naive one. */
  readonly demo?: string | boolean | undefined
}

/**
 * The configuration to work on: the one given, that of the demo if asked for, the nearest one upward, else that of a
 * demo that runs.
 *
 * @throws Refused `config/none`, `config/no-demo`, and all that `loadConfig` throws.
 */
export async function resolveConfig(choice: ConfigChoice, terminal: Terminal): Promise<Config> {
  return (await locateConfig(choice, terminal)).config
}

/** The same, with the file that it was read from; the demo has none. */
export async function locateConfig(
  choice: ConfigChoice,
  terminal: Terminal,
): Promise<{ readonly config: Config; readonly path?: string }> {
  if (choice.demo !== undefined && choice.demo !== false) {
    const address = findDemo()
    if (address !== undefined)
      return { config: await demoConfig(address, choice.demo === true ? 'naive' : choice.demo) }
    throw refused('config/no-demo', 'No demo of yours runs here.', 'Start one in another terminal: npx selvedge demo')
  }
  const path = findConfig({ cwd: process.cwd(), given: choice.config })
  if (path !== undefined) {
    terminal.note(`configuration: ${path}`)
    return { config: await loadConfig(path), path }
  }
  const address = findDemo()
  if (address !== undefined) {
    terminal.note(`reading the databases of the demo that runs (process ${address.pid})`)
    return { config: await demoConfig(address, 'naive') }
  }
  throw refused(
    'config/none',
    'There is no selvedge.config.ts (or .mts, .js, .mjs, .json) here or above, and no demo runs.',
    'Write one, name one by --config, or start the demo: npx selvedge demo',
  )
}

async function demoConfig(address: DemoAddress, variant: string): Promise<Config> {
  const urls = address.variants[variant]
  if (urls === undefined)
    throw refused(
      'cli/usage-no-variant',
      `The demo has no variant "${variant}".`,
      `It has: ${Object.keys(address.variants).join(', ')}.`,
    )
  const academy = await import('../../examples/academy/demo-config.ts')
  return academy.demoConfig((service) => urls[service] ?? '')
}
