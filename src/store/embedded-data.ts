/**
 * Where a server's data is: in the run folder, to be thrown away with it, or in a folder that is kept.
 *
 *     <kept folder>/data        PostgreSQL's own
 *     <kept folder>/password    the superuser's, mode 0600
 */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { refused } from '../base/error.ts'
import { giveTo, type RunFolder, serverUser } from './embedded-folder.ts'
import type { RunAs } from './embedded-keeper.ts'
import { isWorkedIn } from './embedded-sweep.ts'

/** Where the data goes and who may see it. */
export interface Place {
  readonly dataFolder: string
  /** The superuser's password. */
  readonly password: string
}

/** The place of a server that is thrown away with its run folder. */
export function throwAwayPlace(run: RunFolder): Place {
  return { dataFolder: join(run.path, 'data'), password: newPassword() }
}

/**
 * The place of a server that is kept: `folder` is made or found again, and handed to the server's user.
 *
 * @throws Refused `store/data-folder` when it holds other files or belongs to somebody else.
 */
export function keptPlace(folder: string, runAs: RunAs): Place {
  refuseForeign(folder, runAs)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  giveTo(runAs, folder)
  const secret = join(folder, 'password')
  // Empty when the machine stopped between the making of the file and its writing.
  if (!existsSync(secret) || statSync(secret).size === 0) writeFileSync(secret, newPassword(), { mode: 0o600 })
  const dataFolder = join(realpathSync(folder), 'data')
  removeStalePidFile(dataFolder)
  return { dataFolder, password: readFileSync(secret, 'utf8') }
}

/**
 * The folder to keep data in when the user would like it to be `wanted`: another one, the same at each start, where
 * root's project is in a folder that the server's user cannot enter.
 *
 * @example
 * const server = await findServer({ dataFolder: keptFolder('.selvedge/demo') })
 */
export function keptFolder(wanted: string): string {
  const folder = resolve(wanted)
  const runAs = serverUser(dirname(folder))
  if (runAs.uid === undefined || canEnter(existingParent(folder), runAs)) return folder
  return join('/var/tmp', `selvedge-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`)
}

/** A symbolic link, or a stranger's folder in /var/tmp, would have root hand over or trust what is not its own. */
function refuseForeign(folder: string, runAs: RunAs): void {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  if (found === undefined) return
  const isOwn = found.isDirectory() && (found.uid === process.getuid?.() || found.uid === runAs.uid)
  const isOurs = isOwn && (readdirSync(folder).length === 0 || existsSync(join(folder, 'password')))
  if (isOurs) return
  const message = `${folder} ${isOwn ? 'holds something else than our data' : 'is not a folder of your own'}.`
  throw refused('store/data-folder', message, 'Name a folder that does not exist yet.', { folder })
}

/**
 * After a crash the server refuses to start while the number in its old postmaster.pid is that of any process: of a
 * zombie nobody reaps, or of a stranger. If no process works in the data folder, the file is dead. Were this wrong,
 * the server's shared memory would still keep a second one out.
 */
function removeStalePidFile(dataFolder: string): void {
  const path = join(dataFolder, 'postmaster.pid')
  if (process.platform === 'linux' && existsSync(path) && !isWorkedIn(dataFolder)) rmSync(path)
}

function existingParent(folder: string): string {
  const parent = dirname(folder)
  return existsSync(parent) ? parent : existingParent(parent)
}

function canEnter(folder: string, runAs: RunAs): boolean {
  return (
    spawnSync('/bin/sh', ['-c', 'cd "$1"', 'selvedge', folder], { ...runAs, cwd: '/', stdio: 'ignore' }).status === 0
  )
}

function newPassword(): string {
  return randomBytes(18).toString('base64url')
}
