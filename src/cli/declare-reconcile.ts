/** What can be said to `selvedge reconcile`. */
import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

interface Options {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly config?: string
  readonly demo?: string | boolean
  readonly folder?: string
}

/** How `main` lends itself. */
export interface Declaring {
  readonly run: (options: Options, work: (terminal: Terminal) => Promise<number>) => Promise<void>
  readonly withSources: (command: Command) => Command
  readonly withOutput: (command: Command) => Command
  readonly positive: (text: string) => number
}

/** Declares the commands. */
export function declareReconcile(commands: Command, { run, withSources, withOutput, positive }: Declaring): void {
  const reconcile = commands
    .command('reconcile')
    .description('repair what a check found: plan, show, approve, apply, undo, log; only apply and undo write')
  const withJournal = (command: Command) =>
    withSources(command).option(
      '--folder <folder>',
      'the journal; .selvedge/reconcile beside the configuration otherwise',
    )
  withJournal(reconcile.command('plan'))
    .description('check, and plan how findings are repaired; changes nothing')
    .option('--only <name...>', 'only the invariants of these names or problems')
    .option('-o, --output <file>', 'write the plan there')
    .option('--from <file>', 'take the findings of `check --json` instead of checking')
    .option('--most <number>', 'at most so many keys of each invariant', positive)
    .option('--allow-delete', 'plan rows to be deleted, too')
    .action(
      (options: Options & { only?: string[]; output?: string; from?: string; most?: number; allowDelete?: boolean }) =>
        run(options, async (screen) => (await import('./reconcile-commands.ts')).planCommand(options, screen)),
    )
  withOutput(reconcile.command('show'))
    .argument('<plan>')
    .description('show every step with its statements')
    .action((path: string, options: Options) =>
      run(options, async (screen) => (await import('./reconcile-commands.ts')).showCommand(path, screen)),
    )
  // It reads the plan alone; the options of plan and apply are taken, so that all three can be typed alike.
  withJournal(reconcile.command('approve'))
    .argument('<plan>')
    .requiredOption('--by <name>', 'who approves')
    .description('sign a plan; a larger one needs two people')
    .action((path: string, options: Options & { by: string }) =>
      run(options, async (screen) =>
        (await import('./reconcile-commands.ts')).approveCommand(path, options.by, screen),
      ),
    )
  withJournal(reconcile.command('apply'))
    .argument('<plan>')
    .option('--allow-delete', 'delete what the plan deletes')
    .description('repair what an approved plan names, while it still is as the plan saw it')
    .action((path: string, options: Options & { allowDelete?: boolean }) =>
      run(options, async (screen) => (await import('./reconcile-commands.ts')).applyCommand(path, options, screen)),
    )
  withJournal(reconcile.command('undo'))
    .argument('<run>')
    .requiredOption('--by <name>', 'who takes it back')
    .description('take a run back, where rows still are as it left them')
    .action((name: string, options: Options & { by: string }) =>
      run(options, async (screen) => (await import('./reconcile-commands.ts')).undoCommand(name, options, screen)),
    )
  withJournal(reconcile.command('log'))
    .description('list all runs; fails when the journal was changed')
    .action((options: Options) =>
      run(options, async (screen) => (await import('./reconcile-commands.ts')).logCommand(options, screen)),
    )
}
