/** What `init` asks a person on a terminal. Asked on stderr: stdout holds the result only. */
import { SelvedgeError } from '../base/error.ts'
import type { FoundDatabase } from './find-databases.ts'
import { redact } from './terminal.ts'

/** The questions; a test answers them itself. */
export interface Questions {
  /** Which databases to look at. */
  databases(given: readonly FoundDatabase[], suggested: readonly FoundDatabase[]): Promise<readonly FoundDatabase[]>
  /** Whether to write the file. */
  write(path: string, isThere: boolean): Promise<boolean>
}

/** Asks by way of prompts. */
export function terminalQuestions(): Questions {
  const output = process.stderr
  return {
    databases: async (given, suggested) => {
      if (suggested.length === 0) return given
      const { multiselect, isCancel } = await import('@clack/prompts')
      const all = [...given, ...suggested]
      const answer = await multiselect({
        message: 'Which databases shall be looked at? Nothing is written to them.',
        options: all.map((one) => ({ value: one, label: one.name, hint: `${redact(one.url)} (${one.from})` })),
        initialValues: [...given],
        required: false,
        output,
      })
      if (isCancel(answer)) throw cancelled()
      return answer
    },
    write: async (path, isThere) => {
      const { confirm, isCancel } = await import('@clack/prompts')
      const message = isThere ? `Write over ${path}?` : `Write ${path}?`
      const answer = await confirm({ message, initialValue: !isThere, output })
      if (isCancel(answer)) throw cancelled()
      return answer
    },
  }
}

function cancelled(): SelvedgeError {
  const text = { message: 'Nothing was written.', help: 'Start again when you like.' }
  return new SelvedgeError({ kind: 'refused', code: 'cli/usage-cancelled', ...text, details: undefined })
}
