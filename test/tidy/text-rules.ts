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

function linesMatching(files: Parameters<Rule>[0], pattern: RegExp, advice: string): string[] {
  return files.flatMap((file) =>
    file.text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1} ${advice}`] : [])),
  )
}
