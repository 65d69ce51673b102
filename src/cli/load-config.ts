/**
 * Loads a configuration and says by file and line what is wrong with one.
 *
 * TypeScript runs by itself where Node can (22.18 on), elsewhere by jiti. Either way `selvedge` means the package that
 * is running, so that a config works under `npx` in a folder without any node_modules.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { z } from 'zod'
import { isSelvedgeError, refused } from '../base/error.ts'
import { type Config, defineConfig } from '../invariant/invariant.ts'
import { configJsonSchema, configModuleSchema, invariantOf, watchFrom } from './config-schema.ts'
import { lineInJson, lineOfPath, placeInStack } from './place-of-fault.ts'

/**
 * Loads the configuration at `path`.
 *
 * @throws Refused `config/…` or `invariant/…` with `values.file` and, where it can be known, `values.line`.
 */
export async function loadConfig(path: string): Promise<Config> {
  const text = readFileSync(path, 'utf8')
  const content = extname(path) === '.json' ? parseJson(path, text) : await importDefault(path, text)
  try {
    if (extname(path) !== '.json') return defineConfig(checked(configModuleSchema, content, { path, text }) as Config)
    const { invariants, watch, ...rest } = checked(configJsonSchema, content, { path, text })
    return defineConfig({
      ...(rest as Omit<Config, 'invariants' | 'watch'>),
      ...(watch === undefined ? {} : { watch: watchFrom(watch) }),
      invariants: invariants.map(invariantOf),
    })
  } catch (error) {
    throw placed(error, { path, line: lineOfNamed(error, text) })
  }
}

function checked<S extends z.ZodType>(
  schema: S,
  content: unknown,
  { path, text }: { readonly path: string; readonly text: string },
): z.infer<S> {
  const parsed = schema.safeParse(content)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.slice(0, 3)
  const said = issues.map(
    (issue) => `${issue.path.length === 0 ? 'the configuration' : issue.path.join('.')}: ${issue.message}`,
  )
  const line = lineOfPath(text, (issues[0]?.path ?? []).map(String))
  const message = `${path}:${line ?? 1} is wrong: ${said.join('; ')}.`
  throw refused('config/invalid', message, 'Correct it there; src/cli/README.md of the package shows a whole one.', {
    ...{ file: path, line: line ?? 1 },
  })
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error)
    const line = lineInJson(text, told)
    // The parser quotes the text around the fault, which may hold a password.
    const message = `${path}:${line} is not JSON: ${told.replace(/,? ?\.{0,3}".*$/s, '').trim()}.`
    throw refused('config/not-json', message, 'Correct it there: commas between entries, none after the last one.', {
      ...{ file: path, line },
    })
  }
}

async function importDefault(path: string, text: string): Promise<unknown> {
  let module: { readonly default?: unknown }
  try {
    module = await importModule(path, text)
  } catch (error) {
    throw placed(error, { path, line: lineOfNamed(error, text) ?? placeInStack(error, path) })
  }
  if (module.default !== undefined) return module.default
  throw refused(
    'config/no-default',
    `${path}:1 has no default export.`,
    'End it with: export default defineConfig({ … })',
    {
      ...{ file: path, line: 1 },
    },
  )
}

/** Errors by which Node says that it cannot run the file itself, and which another loader may not meet. */
const notForNode = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
  'ERR_MODULE_NOT_FOUND',
])

/** What each file has held: Node keeps a module for good, so that one that was changed since needs another address. */
const held = new Map<string, string[]>()

function addressOf(path: string, text: string): string {
  const { href } = pathToFileURL(path)
  const texts = held.get(href) ?? []
  held.set(href, texts)
  if (!texts.includes(text)) texts.push(text)
  const version = texts.indexOf(text)
  return version === 0 ? href : `${href}?${version}`
}

async function importModule(path: string, text: string): Promise<{ readonly default?: unknown }> {
  if (canRunTypeScript()) {
    try {
      return (await import(addressOf(path, text))) as { readonly default?: unknown }
    } catch (error) {
      if (!notForNode.has((error as { code?: string }).code ?? '')) throw error
    }
  }
  const { createJiti } = await import('jiti')
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    alias: ownModules(),
  })
  // Not by `import`: of a file that needs no translation jiti makes a module of Node's, which is kept for good.
  const module = await jiti.evalModule(text, { filename: path, async: true, forceTranspile: true })
  const { __esModule: isEs, ...exported } = module as { __esModule?: boolean; default?: unknown }
  // `module.exports = { … }` is the configuration itself.
  return isEs === true || Object.keys(exported).length === 0 ? exported : { default: module }
}

function canRunTypeScript(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18)
}

/** Every public name of this package with the file it stands for; jiti resolves by the longest name first. */
function ownModules(): Record<string, string> {
  const manifest = createRequire(import.meta.url).resolve('selvedge/package.json')
  const { exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    readonly exports: Readonly<Record<string, string>>
  }
  const isBuilt = import.meta.url.endsWith('.js')
  const names = Object.entries(exports)
    .filter(([, file]) => file.endsWith('.js'))
    .map(([name, file]) => [name, isBuilt ? file : file.replace(/^\.\/dist\/(.*)\.js$/, './$1.ts')] as const)
  return Object.fromEntries(
    names.map(([name, file]) => [`selvedge${name.slice(1)}`, join(dirname(manifest), file)] as const),
  )
}

/** The same error, with file and line in front of what it says. */
function placed(error: unknown, { path, line }: { readonly path: string; readonly line: number | undefined }): Error {
  if (isSelvedgeError(error)) {
    if (error.values.file !== undefined) return error
    const at = line ?? placeInStack(error, path)
    const values = { ...error.values, file: path, ...(at === undefined ? {} : { line: at }) }
    return refused(error.code, `${path}${at === undefined ? '' : `:${at}`}: ${error.message}`, error.help, values)
  }
  const told = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
  const at = line === undefined ? '' : `:${line}`
  const help = 'Correct it there. It is run as a module: what it imports must be installed, and what it reads be set.'
  return refused('config/broken', `${path}${at} cannot be loaded: ${withoutPath(told, path)}`, help, {
    ...{ cause: error, file: path },
    ...(line === undefined ? {} : { line }),
  })
}

function withoutPath(message: string, path: string): string {
  return message.replaceAll(`${path}: `, '').replaceAll(pathToFileURL(path).href, path)
}

/** Where the name that an error is about stands in the file: a declaration's own line says more than its caller's. */
function lineOfNamed(error: unknown, text: string): number | undefined {
  if (!isSelvedgeError(error)) return undefined
  const named = /"([^"]+)"/.exec(error.message)?.[1]
  if (named === undefined) return undefined
  const index = text.indexOf(named)
  return index < 0 ? undefined : text.slice(0, index).split('\n').length
}
