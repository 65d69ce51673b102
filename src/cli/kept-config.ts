/** What `--keep` leaves behind so that the kept databases can be checked and edited later. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Server } from '../store/server.ts'
import { program } from './program-name.ts'
import type { Terminal } from './terminal.ts'

/** Where `--keep` without a folder keeps things. */
const keptFolderDefault = '.selvedge/demo'

/** The folder that was asked for, or undefined when nothing is kept. */
export function wantedFolder(keep: string | boolean | undefined): string | undefined {
  if (keep === undefined || keep === false) return undefined
  return resolve(keep === true ? keptFolderDefault : keep)
}

/** The URLs of one variant by service. */
export type Urls = Readonly<Record<string, string>>

/**
 * Writes a configuration for each variant into the folder and says how to use it. The files hold passwords and are
 * readable by their owner only. Of use where the server outlives this process: a given one.
 */
export function writeKeptConfigs(folder: string, variants: Readonly<Record<string, Urls>>, terminal: Terminal): void {
  mkdirSync(folder, { recursive: true })
  const academy = new URL(`../../examples/academy/demo-config.js`, import.meta.url).href
  for (const [variant, urls] of Object.entries(variants)) {
    const path = join(folder, `${variant}.config.mjs`)
    const text = `import { demoConfig } from ${JSON.stringify(academy)}\nconst urls = ${JSON.stringify(urls, null, 2)}\nexport default demoConfig((service) => urls[service] ?? '')\n`
    writeFileSync(path, text, { mode: 0o600 })
    terminal.note(`kept, ${variant}: ${program()} check --config ${path}`)
  }
}

/** Says how psql reaches a database of an embedded server that keeps its data in `folder`. */
export function notePsql(
  server: Server,
  { folder, database }: { folder: string; database: string },
  terminal: Terminal,
): void {
  const url = new URL(server.url)
  const host = url.searchParams.get('host') ?? url.hostname
  terminal.note(`for psql: PGPASSWORD=$(cat ${folder}/password) psql -h ${host} -U ${url.username} ${database}`)
}
