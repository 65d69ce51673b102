/**
 * What the style rules read: the files of the project as plain text, from git or, in a copy without git, from the
 * folders. A rule is a function from files to sentences, so each can be shown to fail on a literal.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file of the project; `path` is relative to its root, with slashes. */
export interface ProjectFile {
  readonly path: string
  readonly text: string
}

/** Looks at files and gives one sentence for each violation: where, what, and what to do instead. */
export type Rule = (files: readonly ProjectFile[]) => string[]

const textEndings =
  /\.(ts|js|mjs|json|md|sql|sh|yml|yaml|html|css|toml)$|(^|\/)(\.ci\/run|NOTICE|LICENSE|\.npmrc|\.gitignore)$/
const ignoredFolders = new Set(['node_modules', 'dist', '.git', '.selvedge', 'coverage'])

/** Every tracked file and every untracked one that is not ignored, as far as it is text. */
export function projectFiles(root: string): ProjectFile[] {
  const paths = (gitPaths(root) ?? folderPaths(root, '')).filter((path) => textEndings.test(path))
  // A file that git still lists may have been deleted from the working tree.
  return paths
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** TypeScript of the library itself, without its tests. */
export function isSource(file: ProjectFile): boolean {
  return file.path.startsWith('src/') && file.path.endsWith('.ts') && !isTest(file)
}

/** Tests and what only tests import. */
export function isTest(file: ProjectFile): boolean {
  return file.path.endsWith('.test.ts') || file.path.startsWith('test/')
}

/** The folder of `src` that a path belongs to, or `undefined` for `src/selvedge.ts` and everything outside. */
export function folderOf(path: string): string | undefined {
  const [top, folder, ...rest] = path.split('/')
  return top === 'src' && rest.length > 0 ? folder : undefined
}

export function linesOf(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

/** `undefined` where there is no git, no repository, or one that belongs to somebody else. */
function gitPaths(root: string): string[] | undefined {
  try {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64_000_000,
    })
    const paths = listed.split('\0').filter((path) => path !== '')
    return paths.length === 0 ? undefined : paths
  } catch {
    return undefined
  }
}

function folderPaths(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return ignoredFolders.has(entry.name) ? [] : folderPaths(root, path)
    return entry.isFile() ? [path] : []
  })
}
