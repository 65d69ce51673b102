/** Where a configuration declares its invariants, for tools that show findings beside a file. */
import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'

/** The file as seen from the working folder, and the line of each invariant; nothing when it lies outside of it. */
export function placeOfInvariants(path: string | undefined): {
  readonly configFile?: string
  readonly lineOf?: (invariant: string) => number | undefined
} {
  if (path === undefined) return {}
  const fromHere = relative(process.cwd(), path)
  if (fromHere.startsWith('..')) return {}
  const text = readFileSync(path, 'utf8')
  return {
    configFile: fromHere.split(sep).join('/'),
    lineOf: (invariant) => {
      // As JSON and JavaScript may write it.
      const at = [invariant, JSON.stringify(invariant).slice(1, -1), invariant.replaceAll("'", "\\'")]
        .map((written) => text.indexOf(written))
        .find((found) => found >= 0)
      return at === undefined ? undefined : text.slice(0, at).split('\n').length
    },
  }
}
