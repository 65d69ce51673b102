/** Rules about text of every kind: unfinished marks, paths of one machine, hosts in the lock file. */
import type { Rule } from './project-files.ts'

// Written in two parts, since this file is held to the rules as well.
const unfinished = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`)
const machinePath = new RegExp(`(^|[^\\w.-])/${'work'}/`)

export const nothingIsMarkedUnfinished: Rule = (files) =>
  linesMatching(files, unfinished, 'is marked unfinished: do it, or open an issue.')

export const noPathOfOneMachine: Rule = (files) =>
  linesMatching(files, machinePath, 'names a path of one machine: make it relative, or take it from the environment.')

export const lockFileNamesNoRegistry: Rule = (files) =>
  linesMatching(
    files.filter((file) => file.path.endsWith('package-lock.json')),
    /"resolved":\s*"https?:|https?:\/\/[^"]*\.tgz|registry\./,
    'names a registry: install with omit-lockfile-registry-resolved.',
  )

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * `npm ci` refuses a lock file that lacks a dependency, also one for another platform: `npm install` leaves those out
 * in silence where its registry does not know them.
 */
export const lockFileHoldsEveryDependency: Rule = (files) =>
  files
    .filter((file) => file.path.endsWith('package-lock.json'))
    .flatMap((file) => {
      const { packages = {} } = JSON.parse(file.text) as { packages?: Record<string, LockedPackage> }
      return Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) =>
        Object.keys({ ...dependencies, ...optionalDependencies })
          .filter((name) => !isInstalledFor(place, name, packages))
          .map((name) => `${file.path} lacks ${name}, which ${place || 'the project'} needs: npm ci would refuse it.`),
      )
    })

/** A package is looked for as Node does: in its own node_modules, then in those above it. */
function isInstalledFor(place: string, name: string, packages: Readonly<Record<string, LockedPackage>>): boolean {
  if (`${place}/node_modules/${name}`.replace(/^\//, '') in packages) return true
  if (place === '') return false
  const above = place.slice(0, Math.max(0, place.lastIndexOf('node_modules/') - 1))
  return isInstalledFor(above, name, packages)
}

function linesMatching(files: Parameters<Rule>[0], pattern: RegExp, advice: string): string[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1} ${advice}`] : [])),
  )
}
