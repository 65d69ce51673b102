/**
 * Databases that a folder and its environment speak of. Those of arguments and of the environment are taken; those that
 * files name are only suggested, since a file may describe another machine's database.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { refused } from '../base/error.ts'

/** A database to look at. */
export interface FoundDatabase {
  /** The source's name in the configuration. */
  readonly name: string
  readonly url: string
  /** The environment variable from which the configuration will take the URL. */
  readonly variable: string
  /** Where it was found: `arguments`, `environment`, or a file. */
  readonly from: string
}

const urlPattern = /(?:postgres(?:ql)?|mysql|mariadb):\/\/[^\s"'`,;<>)}\]]+/
/** Where services of one repository live. */
const serviceFolders = ['services', 'apps', 'packages']
/** Folders looked into at most: this is a convenience, no search. */
const foldersMax = 50

/** Whether a text is the URL of a database that can be read. */
export function isDatabaseUrl(text: string): boolean {
  return /^(?:postgres(?:ql)?|mysql|mariadb):\/\//.test(text)
}

/**
 * The databases of `name=url` words; without a name, the database's own.
 *
 * @throws Refused `cli/usage-database` for a word that is no URL, or a name given twice.
 */
export function databasesOfWords(words: readonly string[]): FoundDatabase[] {
  const found = words.map((word) => {
    const cut = /^([\w-]+)=(.*)$/s.exec(word)
    const url = cut?.[2] ?? word
    if (!isDatabaseUrl(url))
      throw refused(
        'cli/usage-database',
        `${cut === null ? 'An argument' : `The argument ${cut[1]}=…`} is no URL of a database.`,
        'Write name=postgres://user:password@host/database or name=mysql://…',
      )
    const name = cut?.[1] ?? databaseOf(url)
    return { name, url, variable: variableOf(name), from: 'arguments' }
  })
  const twice = found.find(({ name }, i) => found.findIndex((other) => other.name === name) !== i)
  if (twice !== undefined)
    throw refused(
      'cli/usage-database',
      `Two databases are named ${twice.name}.`,
      'Give each its own name: name=postgres://…',
    )
  return found
}

/** The databases of the environment: `DATABASE_URL`, `USER_URL`, `USER_DATABASE_URL`. */
export function databasesOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  from = 'environment',
): FoundDatabase[] {
  const found = Object.entries(environment).flatMap(([variable, url]) => {
    if (url === undefined || !isDatabaseUrl(url) || !/(?:^|_)URL$/.test(variable)) return []
    const stem = variable.replace(/(?:^|_)(?:DATABASE|DB|POSTGRES|PG|MYSQL)?_?URL$/, '')
    const name = stem === '' ? databaseOf(url) : nameOf(stem)
    return [{ name, url, variable, from }]
  })
  return unnamedTwice(found)
}

/** Two variables may lead to one name, and two names to one database: the first of each is kept. */
function unnamedTwice(found: readonly FoundDatabase[]): FoundDatabase[] {
  const urls = new Set<string>()
  const names = new Set<string>()
  return found.flatMap((one) => {
    if (urls.has(one.url)) return []
    urls.add(one.url)
    const name = names.has(one.name) ? nameOf(one.variable) : one.name
    names.add(name)
    return [{ ...one, name }]
  })
}

/** What files of a folder speak of, without those that are known already. */
export function suggestedDatabases(cwd: string, known: readonly FoundDatabase[]): FoundDatabase[] {
  const urls = new Set(known.map(({ url }) => url))
  const found = foldersOf(cwd).flatMap((folder) => databasesOfFolder(folder, relative(cwd, folder)))
  return unnamedTwice(found.filter(({ url }) => !urls.has(url)))
}

function foldersOf(cwd: string): string[] {
  const below = serviceFolders.flatMap((name) => {
    const parent = join(cwd, name)
    if (!existsSync(parent)) return []
    return readdirSync(parent, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(parent, entry.name)] : [],
    )
  })
  return [cwd, ...below].slice(0, foldersMax)
}

const files = ['.env', '.env.local', '.env.development', '.env.example']
const describing = [
  ...['docker-compose.yml', 'docker-compose.yaml', 'compose.yml', 'compose.yaml'],
  ...['prisma/schema.prisma', 'schema.prisma', 'drizzle.config.ts', 'drizzle.config.js', 'drizzle.config.mjs'],
]

/** `place` is the folder as seen from the working folder; a folder below belongs to the service of its name. */
function databasesOfFolder(folder: string, place: string): FoundDatabase[] {
  const service = basename(place)
  const named = (one: FoundDatabase): FoundDatabase => {
    if (service === '') return one
    const isPlain = /^(?:DATABASE|DB)_URL$/.test(one.variable)
    return isPlain ? { ...one, name: nameOf(service), variable: variableOf(service) } : one
  }
  const fromEnvironment = files.flatMap((file) => {
    const text = textOf(join(folder, file))
    return databasesOfEnvironment(variablesOf(text), join(place, file))
  })
  const fromDescriptions = describing.flatMap((file) =>
    textOf(join(folder, file))
      .split('\n')
      .flatMap((line) => databasesOfLine(line, join(place, file))),
  )
  return [...fromEnvironment, ...fromDescriptions].map(named)
}

/** `USER_URL: postgres://…`, `- USER_URL=postgres://…`, `url = "postgres://…"`. */
function databasesOfLine(line: string, from: string): FoundDatabase[] {
  if (/^\s*(?:#|\/\/)/.test(line)) return []
  const url = urlPattern.exec(line)?.[0]
  // `${…}` is filled in by something that we are not.
  if (url === undefined || url.includes('${')) return []
  const variable = /([A-Z][A-Z0-9_]*URL)["']?\s*[:=]/.exec(line)?.[1] ?? 'DATABASE_URL'
  return databasesOfEnvironment({ [variable]: url }, from)
}

function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line)
      if (match === null) return []
      const value = match[2]!.replace(/^(["'])(.*)\1$/, '$2')
      return [[match[1]!, value]]
    }),
  )
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function databaseOf(url: string): string {
  return nameOf(/^[a-z]+:\/\/[^/]*\/([^?#]*)/.exec(url)?.[1] || 'database')
}

/** `ORDER_HISTORY` → orderHistory. */
function nameOf(text: string): string {
  const words = text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  return words.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('') || 'database'
}

function variableOf(name: string): string {
  const words = name.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/\W+/g, '_')
  return `${/^\d/.test(words) ? '_' : ''}${words.toUpperCase()}_URL`
}
