/** How this program is called from where the person is, so that a printed command can be copied. */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `npx selvedge` where npm finds it from the working folder, else the path of the program that runs. */
export function program(cwd: string = process.cwd()): string {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'node_modules', '.bin', 'selvedge')) || isOurs(folder)) return 'npx selvedge'
    if (dirname(folder) === folder) break
  }
  const here = fileURLToPath(new URL('./cli.js', import.meta.url))
  return `node ${quoted(existsSync(here) ? realpathSync(here) : here)}`
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
