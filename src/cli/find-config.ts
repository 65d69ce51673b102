/** Where the configuration is: given, or the nearest one from the working folder upward. */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { refused } from '../base/error.ts'

const names = ['ts', 'mts', 'js', 'mjs', 'json'].map((extension) => `selvedge.config.${extension}`)

/**
 * The path of the configuration, or undefined when there is none.
 *
 * @throws Refused `config/not-found` when one was given and is not there.
 */
export function findConfig({
  cwd,
  given,
}: {
  readonly cwd: string
  readonly given?: string | undefined
}): string | undefined {
  if (given !== undefined) {
    const path = resolve(cwd, given)
    if (existsSync(path)) return path
    throw refused('config/not-found', `There is no file ${path}.`, 'Correct --config, or leave it out.', { path })
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = names.map((name) => join(folder, name)).find((path) => existsSync(path))
    if (found !== undefined || dirname(folder) === folder) return found
  }
}
