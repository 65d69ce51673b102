/**
 * `selvedge init`: looks at databases, proposes what must agree between them, and writes the configuration, if it may.
 *
 * It reads the databases and writes one file; without a terminal only with `--yes`, over another file only with `--force`.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { counted } from '../base/counted.ts'
import { isSelvedgeError, refused, SelvedgeError } from '../base/error.ts'
import { configText } from '../check/propose/config-text.ts'
import { referenceEvidence, twinEvidence } from '../check/propose/evidence.ts'
import { type Proposals, propose, readerOf } from '../check/propose/propose.ts'
import { roleSql } from '../check/propose/role-sql.ts'
import type { Surveyed } from '../check/propose/survey.ts'
import { surveyMysql } from '../check/propose/survey-mysql.ts'
import { surveyPostgres } from '../check/propose/survey-postgres.ts'
import { unreadablePostgres } from '../check/sources/postgres-unreadable.ts'
import { exitCode } from './exit-code.ts'
import { databasesOfEnvironment, databasesOfWords, type FoundDatabase, suggestedDatabases } from './find-databases.ts'
import type { Questions } from './questions.ts'
import { redact, type Terminal } from './terminal.ts'

/** What may be said to the command. */
export interface InitOptions {
  readonly urls: readonly string[]
  /** Write without asking. */
  readonly yes?: boolean | undefined
  /** Print the file instead of writing it. */
  readonly print?: boolean | undefined
  /** Write over a file that is there. */
  readonly force?: boolean | undefined
  /** The file to write. */
  readonly out?: string | undefined
}

/** The surroundings of the command. */
export interface InitSurroundings {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Undefined where nobody can be asked. */
  readonly questions: Questions | undefined
}

/** `selvedge init [name=url…]` */
export async function initCommand(options: InitOptions, terminal: Terminal, around: InitSurroundings): Promise<number> {
  const path = resolve(around.cwd, options.out ?? 'selvedge.config.ts')
  demandConsent(options, path, { isSilent: around.questions === undefined, isJson: terminal.isJson })
  const databases = await chosenDatabases(options, terminal, around)
  const surveys: Surveyed[] = []
  try {
    for (const database of databases) surveys.push(await survey(database, terminal))
    const tables = surveys.flatMap((one) => one.tables)
    const proposals = await propose(tables, readerOf(surveys), (line) => terminal.note(line))
    const config = configText(databases, proposals)
    const written = await write({ config, path }, options, around.questions)
    tell({ databases, surveys, proposals, config, written }, options, { terminal, cwd: around.cwd })
    return surveys.some(({ unread }) => unread.length > 0) ? exitCode.incomplete : exitCode.clean
  } finally {
    await Promise.all(surveys.map((one) => one.close()))
  }
}

/** Says before the work, not after it, that its result could not be kept. */
function demandConsent(
  { yes, print, force }: InitOptions,
  path: string,
  { isSilent, isJson }: { readonly isSilent: boolean; readonly isJson: boolean },
): void {
  if (print || (isJson && !yes)) return
  if (!isSilent) return
  if (!yes)
    throw refused(
      'cli/usage-consent',
      'Nobody can be asked here whether the configuration may be written.',
      'Say --yes to write it, or --print to see it.',
    )
  if (existsSync(path) && !force)
    throw refused(
      'cli/usage-exists',
      `There is a file ${path} already.`,
      'Say --force to write over it, --out to write another file, or --print to see the new one.',
    )
}

async function chosenDatabases(
  { urls }: InitOptions,
  terminal: Terminal,
  { cwd, environment, questions }: InitSurroundings,
): Promise<readonly FoundDatabase[]> {
  const given = urls.length > 0 ? databasesOfWords(urls) : databasesOfEnvironment(environment)
  const suggested = urls.length > 0 ? [] : suggestedDatabases(cwd, given)
  const found = questions === undefined ? given : await questions.databases(given, suggested)
  if (questions === undefined)
    for (const { name, from } of suggested)
      terminal.note(`${from} names a database ${name}: to look at it, give ${name}=<its URL>`)
  if (found.length === 0)
    throw refused(
      'cli/usage-no-database',
      'No database was given.',
      'Give them by name: selvedge init users=postgres://… billing=mysql://…, or set USERS_URL, BILLING_URL.',
    )
  return found
}

async function survey({ name, url }: FoundDatabase, terminal: Terminal): Promise<Surveyed> {
  const onProgress = (line: string) => terminal.note(line)
  const isPostgres = /^postgres/.test(url)
  try {
    if (isPostgres) return await surveyPostgres(name, url, onProgress)
    return await surveyMysql(name, url, onProgress)
  } catch (error) {
    if (isPostgres && (!isSelvedgeError(error) || isSelvedgeError(error, 'store/unreachable')))
      throw await unreadablePostgres({ name, url }, error)
    if (!isSelvedgeError(error)) {
      const message = redact(error instanceof Error ? error.message : String(error))
      const help = 'Correct its URL, or grant its role what it needs.'
      throw refused('check/unreadable', `source "${name}": ${message}`, help, { cause: error })
    }
    const { kind, code, help, values, cause } = error
    throw new SelvedgeError({
      kind,
      code,
      message: `source "${name}": ${error.message}`,
      help,
      details: { ...values, cause },
    })
  }
}

async function write(
  { config, path }: { readonly config: string; readonly path: string },
  { yes, print, force }: InitOptions,
  questions: Questions | undefined,
): Promise<string | undefined> {
  if (print || (!yes && questions === undefined)) return undefined
  const isThere = existsSync(path)
  const mayWrite = yes && (force || !isThere) ? true : await questions?.write(path, isThere)
  if (mayWrite !== true) return undefined
  // "wx" refuses a file that somebody made in the meantime.
  writeFileSync(path, config, { flag: isThere ? 'w' : 'wx' })
  return path
}

interface Told {
  readonly databases: readonly FoundDatabase[]
  readonly surveys: readonly Surveyed[]
  readonly proposals: Proposals
  readonly config: string
  readonly written: string | undefined
}

function tell(
  told: Told,
  options: InitOptions,
  { terminal, cwd }: { readonly terminal: Terminal; readonly cwd: string },
): void {
  const { surveys, proposals, config, written } = told
  if (terminal.isJson) {
    terminal.json(document(told))
    return
  }
  for (const { source, unread } of surveys)
    for (const { table, why } of unread) terminal.note(`not read: ${source}.${table}: ${why}`)
  const rights = surveys.flatMap((one) => [
    `-- ${one.source} (${one.engine} ${one.version})`,
    roleSql(one, proposals),
    '',
  ])
  if (options.print) {
    terminal.out(config)
    terminal.out(
      `// The role of each URL needs no more than this:\n${rights.join('\n').trimEnd().replaceAll(/^/gm, '// ')}`,
    )
    return
  }
  for (const line of summary(proposals)) terminal.out(line)
  terminal.out('')
  terminal.out('The role of each URL needs no more than this:')
  for (const line of rights) terminal.out(line)
  const variables = told.databases.map(({ variable }) => variable).join(', ')
  const next = (path: string) => `Written: ${relative(cwd, path)}. Set ${variables}, then: npx selvedge check`
  terminal.out(written === undefined ? 'Nothing was written.' : next(written))
}

function summary({ references, twins }: Proposals): string[] {
  const sure = references.filter(({ confidence }) => confidence === 'sure')
  const doubtful = references.filter(({ confidence }) => confidence === 'doubtful')
  return [
    `${counted(sure.length + twins.length, 'invariant')} proposed, ${doubtful.length} more doubtful and commented out.`,
    ...twins.map((one) => `  ${twinEvidence(one)}`),
    ...sure.map((one) => `  ${referenceEvidence(one)}`),
    ...doubtful.map((one) => `  ? ${referenceEvidence(one)}: ${one.doubt}`),
  ]
}

/** A column is written by its name, as in the configuration; several as a list. */
function oneOrAll(columns: readonly string[]): string | readonly string[] {
  return columns.length === 1 ? columns[0]! : columns
}

/** The same for programs. URLs stay where they are. */
function document({ databases, surveys, proposals, config, written }: Told) {
  return {
    format: 'selvedge/init@1',
    sources: surveys.map(({ source, engine, version, database, tables, unread }, i) => {
      const { variable, from } = databases[i]!
      return { name: source, engine, version, database, variable, from, tables: tables.length, unread }
    }),
    proposals: [
      ...proposals.twins.map((one) => ({
        kind: one.kind,
        confidence: 'sure',
        sides: [one.first, one.second].map(({ table, key }) => ({ source: table.source, table: table.name, key })),
        columns: one.columns,
        evidence: twinEvidence(one),
      })),
      ...proposals.references.map((one) => ({
        kind: one.kind,
        confidence: one.confidence,
        child: { source: one.table.source, table: one.table.name, by: oneOrAll(one.columns) },
        parent: { source: one.parent.table.source, table: one.parent.table.name, key: oneOrAll(one.parent.columns) },
        values: { asked: one.asked, found: one.found },
        rows: { asked: one.rowsAsked, found: one.rowsFound },
        evidence: referenceEvidence(one),
        ...(one.doubt === undefined ? {} : { doubt: one.doubt }),
      })),
    ],
    rights: surveys.map((one) => ({ source: one.source, sql: roleSql(one, proposals) })),
    config,
    written: written ?? null,
  }
}
