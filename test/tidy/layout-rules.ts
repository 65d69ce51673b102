/** Rules about where things are: the order of folders, drivers, front doors, READMEs, sizes, exports, the glossary. */
import { folderOf, isSource, isTest, linesOf, type ProjectFile, type Rule } from './project-files.ts'
import { importsOf } from './syntax.ts'

/** The folders of `src` in the order of ARCHITECTURE.md: a folder imports only folders before it. */
export const folderOrder = [
  'base',
  'observe',
  'digest',
  'store',
  'contract',
  'log',
  'invariant',
  'transport',
  'inbox',
  'outbox',
  'replica',
  'read-model',
  'saga',
  'check',
  'service',
  'reconcile',
  'boundary',
  'evolution',
  'explain',
  'watch',
  'simulate',
  'cli',
] as const

export const foldersImportOnlyEarlierOnes: Rule = (files) =>
  files.filter(isSource).flatMap((file) =>
    importsOf(file).flatMap(({ specifier, target, line, isDynamic }) => {
      const where = `${file.path}:${line} imports ${specifier}`
      if (/^selvedge(\/|$)/.test(specifier)) return [`${where}: inside src use the relative path.`]
      if (target === undefined) return []
      if (!target.startsWith('src/')) {
        const isCliLoadingExamples = folderOf(file.path) === 'cli' && isDynamic
        return isCliLoadingExamples ? [] : [`${where}: src stands on nothing outside src.`]
      }
      return orderViolation(where, folderOf(file.path), folderOf(target))
    }),
  )

function orderViolation(where: string, from: string | undefined, to: string | undefined): string[] {
  const order: readonly string[] = folderOrder
  // src/selvedge.ts gathers the public names and may see everything.
  if (from === undefined) return []
  if (!order.includes(from)) return [`${where}: "${from}" is no folder of the architecture.`]
  if (to === undefined) return [`${where}: nothing in a folder stands on the package's own front door.`]
  if (order.indexOf(to) <= order.indexOf(from) && order.includes(to)) return []
  return [`${where}: ${from} comes before ${to}, so it must not know it.`]
}

/** Client libraries, each of which is loaded in one file only; those of the store may be loaded in the check too. */
const drivers =
  /^(pg|mysql2|mariadb|kafkajs|amqplib|rabbitmq-client|kysely|drizzle-orm|typeorm|@nats-io|@aws-sdk|@platformatic)(\/|$)/
const pgHomes = ['src/store/postgres.ts', 'src/check/sources/postgres.ts']

export const driversAreLoadedInOneFile: Rule = (files) => {
  const homes = new Map<string, Set<string>>()
  for (const file of files.filter(isSource)) {
    for (const { specifier, isValue } of importsOf(file)) {
      const driver = drivers.exec(specifier)?.[1]
      if (driver !== undefined && isValue) homes.set(driver, (homes.get(driver) ?? new Set()).add(file.path))
    }
  }
  return [...homes].flatMap(([driver, paths]) => {
    if (driver === 'pg') {
      const strangers = [...paths].filter((path) => !pgHomes.includes(path))
      return strangers.map((path) => `${path} loads pg: only ${pgHomes.join(' and ')} may; borrow its types instead.`)
    }
    return paths.size === 1 ? [] : [`${[...paths].join(', ')} all load ${driver}: keep one of them.`]
  })
}

export const filesAreShort: Rule = (files) =>
  files.flatMap((file) => {
    if (!file.path.endsWith('.ts')) return []
    const lines = linesOf(file.text)
    const linesMax = isTest(file) ? 600 : 400
    return lines <= linesMax ? [] : [`${file.path} has ${lines} lines, at most ${linesMax}: find its seam.`]
  })

export const mostFilesAreSmall: Rule = (files) => {
  const sizes = files
    .filter(isSource)
    .map((file) => linesOf(file.text))
    .sort((a, b) => a - b)
  const at = (share: number) => sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * share))] ?? 0
  return [
    ...(at(0.5) <= 120 ? [] : [`The median file of src has ${at(0.5)} lines, at most 120.`]),
    ...(at(0.9) <= 300 ? [] : [`A tenth of the files of src has ${at(0.9)} lines or more, at most 300.`]),
  ]
}

export const foldersHaveFrontDoorAndReadme: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const folders = new Set(files.filter(isSource).flatMap((file) => folderOf(file.path) ?? []))
  return [...folders].flatMap((folder) => {
    const readme = byPath.get(`src/${folder}/README.md`)
    const lines = readme === undefined ? 0 : linesOf(readme.text)
    return [
      ...(readme === undefined ? [`src/${folder} has no README.md.`] : []),
      ...(lines > 60 ? [`src/${folder}/README.md has ${lines} lines, at most 60.`] : []),
      ...(byPath.has(`src/${folder}/${folder}.ts`) ? [] : [`src/${folder} has no front door ${folder}.ts.`]),
    ]
  })
}

export const filesAreNamedAfterWhatTheyHold: Rule = (files) =>
  files
    .filter((file) => /^(src|test|examples|scripts)\/.*\.ts$/.test(file.path))
    .flatMap(({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1)
      if (name === 'index.ts' && path.startsWith('src/')) return [`${path}: the front door is named after its folder.`]
      return /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.ts$/.test(name) ? [] : [`${path}: file names are kebab-case.`]
    })

/** Every path that package.json exports or offers as a command is built from a source that exists. */
export const exportsPointAtSources: Rule = (files) => {
  const paths = new Set(files.map((file) => file.path))
  const manifest = files.find((file) => file.path === 'package.json')
  if (manifest === undefined) return ['There is no package.json.']
  const { exports, bin } = JSON.parse(manifest.text) as { exports?: unknown; bin?: unknown }
  return [...leavesOf(exports), ...leavesOf(bin)].flatMap((leaf) => {
    const source = leaf.replace(/^\.\//, '').replace(/^dist\/(.*)\.(js|d\.ts)$/, '$1.ts')
    return paths.has(source) ? [] : [`package.json names ${leaf}, but there is no ${source}.`]
  })
}

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : []
}

/**
 * Each row of the glossary's tables names, in code spans, a symbol and the file that declares it:
 * `| sync delay | lag | \`lagOf\` | \`src/observe/lag.ts\` |`.
 */
export const glossarySymbolsExist: Rule = (files) => {
  const glossary = files.find((file) => file.path === 'GLOSSARY.md')
  if (glossary === undefined) return []
  const rows = glossary.text.split('\n').flatMap((text, index) => {
    const spans = [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!)
    const paths = spans.filter((span) => /^[\w.-]+\/.*\w$/.test(span) && !span.includes(' '))
    return text.startsWith('|') && paths.length > 0 ? [{ line: index + 1, spans, paths }] : []
  })
  if (rows.length === 0) return ['GLOSSARY.md has no table row that names a file.']
  return rows.flatMap((row) => glossaryRowViolations(row, files))
}

interface GlossaryRow {
  readonly line: number
  readonly spans: readonly string[]
  readonly paths: readonly string[]
}

function glossaryRowViolations(row: GlossaryRow, files: readonly ProjectFile[]): string[] {
  const where = `GLOSSARY.md:${row.line}`
  const holds = (file: ProjectFile, path: string) => file.path === path || file.path.startsWith(`${path}/`)
  const missing = row.paths.filter((path) => !files.some((file) => holds(file, path)))
  const text = files
    .filter((file) => row.paths.some((path) => holds(file, path)))
    .map((file) => file.text)
    .join('\n')
  const symbols = row.spans.filter((span) => !row.paths.includes(span))
  // `user.entity()` and `Task.stop` are checked word by word: each must be written in the file that is named.
  const unknown = symbols.filter((symbol) =>
    (symbol.match(/[A-Za-z_$][\w$-]*/g) ?? []).some(
      (word) => !new RegExp(`(?<![\\w$])${escaped(word)}(?![\\w$])`).test(text),
    ),
  )
  return [
    ...missing.map((path) => `${where}: there is no ${path}.`),
    ...unknown.map((symbol) => `${where}: \`${symbol}\` is not in ${row.paths.join(', ')}.`),
  ]
}

function escaped(word: string): string {
  return word.replace(/[$]/g, '\\$&')
}
