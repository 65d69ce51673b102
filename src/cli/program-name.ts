/** How this program is called from where the person is, so that a printed command can be copied. */
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `npx selvedge` where npm finds it from the working folder, else the path of the program that runs. */
export function program(cwd: string = process.cwd()): string {
  const here = fileURLToPath(new URL('./cli.js', import.meta.url))
  const mayRun = isExecutable(here)
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules', '.bin', 'selvedge')) || (mayRun && isOurs(folder)))
      return 'npx selvedge'
    if (dirname(folder) === folder) break
  }
  const path = existsSync(here) ? realpathSync(here) : here
  const fromHere = relative(cwd, path)
  return `node ${quoted(fromHere.startsWith('..') ? path : fromHere)}`
}

/** The version of the package that runs. */
export function packageVersion(): string {
  const manifest = createRequire(import.meta.url).resolve('selvedge/package.json')
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

/** npm makes the command executable when it installs the package; the compiler, which made this file, does not. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** npx runs the command of the package in whose folder it is called. */
function isOurs(folder: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string }).name === 'selvedge'
  } catch {
    return false
  }
}

function quoted(path: string): string {
  return /^[\w./@+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
