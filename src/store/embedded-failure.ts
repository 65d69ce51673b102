/** Turns the last lines of a server's log into one sentence of what to do. */
import { refused, type SelvedgeError } from '../base/error.ts'

/** Why a server did not start, read from the last lines of its log. */
export function explainStartFailure(lastWords: string, dataFolder: string): SelvedgeError {
  const values = { dataFolder, lastWords }
  if (/No space left|could not extend|could not write.*: wrote only/i.test(lastWords)) {
    return refused(
      'store/no-space',
      `There is no space left in ${dataFolder}.`,
      'Free some, or set TMPDIR to a folder that has 100 MB.',
      values,
    )
  }
  const holder = /lock file "postmaster\.pid" already exists[\s\S]*?PID (\d+)|pre-existing shared memory block/.exec(
    lastWords,
  )
  if (holder) {
    const by = holder[1] === undefined ? '' : ` by process ${holder[1]}`
    return refused(
      'store/already-running',
      `The data in ${dataFolder} is already being served${by}.`,
      'Stop the other one first, or name another folder.',
      values,
    )
  }
  const version = /initialized by PostgreSQL version (\S+),[\s\S]*?version (\S+)/.exec(lastWords)
  if (version) {
    return refused(
      'store/other-version',
      `The data in ${dataFolder} was made by PostgreSQL ${version[1]}, and this is ${version[2]}.`,
      'Name another folder, or install the version that made the data.',
      values,
    )
  }
  if (/Permission denied/i.test(lastWords)) {
    return refused(
      'store/data-folder',
      `The server's user may not use ${dataFolder}: ${lastLine(lastWords)}`,
      'PostgreSQL does not run as root: name a folder that an ordinary user can enter, as one below /var/tmp.',
      values,
    )
  }
  return refused(
    'store/embedded-failed',
    `PostgreSQL did not start: ${lastLine(lastWords)}`,
    "Read the lines above this one in the error's values, or pass --database-url to use another server.",
    values,
  )
}

function lastLine(words: string): string {
  return words.trim().split('\n').at(-1) || 'it ended without a word'
}
