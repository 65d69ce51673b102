/**
 * The command line: what can be said, and which function does it.
 *
 * What a command needs is loaded when it runs: a check waits for neither the watch's server nor the demo's page.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { verdicts } from '../invariant/invariant.ts'
import type { AcceptOptions } from './accept-command.ts'
import type { CheckChoice } from './check-command.ts'
import { declareReconcile } from './declare-reconcile.ts'
import type { DemoOptions } from './demo-command.ts'
import { exitCode, exitCodeOf } from './exit-code.ts'
import type { InitOptions } from './init-command.ts'
import { packageVersion } from './program-name.ts'
import { terminalQuestions } from './questions.ts'
import { type Output, type Terminal, terminal } from './terminal.ts'

/** The surroundings of a run. */
export interface Surroundings {
  readonly stdout: Output
  readonly stderr: Output
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Ends what runs; the reason is the exit code. */
  readonly signal: AbortSignal
}

/** What every command understands. */
interface CommonOptions {
  readonly json?: boolean
  /** A stream on stdout is read by a program, too; a file's name is not. */
  readonly jsonl?: boolean | string
  readonly quiet?: boolean
  readonly config?: string
  readonly demo?: string | boolean
}

/** Runs one command and resolves with its exit code; never rejects. */
export async function main(words: readonly string[], around: Surroundings): Promise<number> {
  let code: number = exitCode.clean
  const run = async (options: CommonOptions, work: (terminal: Terminal) => Promise<number>) => {
    const screen = screenFor(options, around)
    try {
      code = await work(screen)
    } catch (error) {
      screen.error(error)
      code = exitCodeOf(error)
    }
  }
  const commands = declare(run, around)
  try {
    await commands.parseAsync(words.length === 0 ? ['--help'] : [...words], { from: 'user' })
    return code
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Asked-for help and version are results; all else means that the command was typed wrongly.
    return error.exitCode === 0 ? exitCode.clean : exitCode.usage
  }
}

function screenFor(options: CommonOptions, { stdout, stderr, environment }: Surroundings): Terminal {
  const isJson = options.json === true || options.jsonl === true || options.jsonl === '-'
  return terminal({ stdout, stderr, environment, isJson, isQuiet: options.quiet === true })
}

type Run = (options: CommonOptions, work: (terminal: Terminal) => Promise<number>) => Promise<void>

function declare(run: Run, around: Surroundings): Command {
  const commands = new Command('selvedge')
    .description('Finds, proves, prevents and repairs data inconsistencies across service boundaries.')
    .version(packageVersion(), '-V, --version')
    .configureOutput({
      writeOut: (text) => around.stdout.write(text),
      writeErr: (text) => around.stderr.write(text),
    })
    .exitOverride()
    .showHelpAfterError('(selvedge --help lists the commands)')
  declareInit(commands, run, around)
  declareReading(commands, run)
  declareWaiting(commands, run)
  declareWatch(commands, run, around)
  declareReconcile(commands, { run, withSources, withOutput, positive })
  declareDemo(commands, run, around)
  commands.addHelpText(
    'after',
    `\nExit codes: 0 clean, 1 findings, 2 usage, 3 configuration wrong, 4 incomplete, 5 repair partly failed, 130 and 143 by signal.`,
  )
  return commands
}

function withSources(command: Command): Command {
  return withOutput(command)
    .option('-c, --config <file>', 'the configuration; by default the nearest selvedge.config.* upward')
    .option('--demo [variant]', 'the databases of the demo that runs (naive, cured)')
}

function withOutput(command: Command): Command {
  return command.option('--json', 'one JSON document on stdout').option('-q, --quiet', 'no progress on stderr')
}

function declareInit(commands: Command, run: Run, { environment, stderr }: Surroundings): void {
  withOutput(commands.command('init'))
    .argument('[databases...]', 'as users=postgres://… or billing=mysql://…; by default those of the environment')
    .description('look at databases, propose what must agree between them, and write selvedge.config.ts')
    .option('-y, --yes', 'write without asking')
    .option('--print', 'print the file instead of writing it')
    .option('--force', 'with --yes: write over a file that is there')
    .option('-o, --out <file>', 'the file to write', 'selvedge.config.ts')
    .action((urls: string[], options: CommonOptions & Omit<InitOptions, 'urls'>) =>
      run(options, async (screen) => {
        const isAsked = process.stdin.isTTY === true && stderr.isTTY === true && !environment.CI && !options.json
        const questions = isAsked ? terminalQuestions() : undefined
        return (await import('./init-command.ts')).initCommand({ ...options, urls }, screen, {
          cwd: process.cwd(),
          environment,
          questions,
        })
      }),
    )
}

function declareReading(commands: Command, run: Run): void {
  withSources(commands.command('check'))
    .description('compare what the configuration says must agree; reads only')
    .option('--only <name...>', 'only the invariants of these names or problems')
    .option('--budget <share>', 'auto, full, or the share of the time that it may read, as 0.1', budget)
    .option('--plan', 'tell what would be read, how, and about how long it takes; reads catalogs only')
    .option('--touched <seconds>', 'only keys with an event in the last so many seconds, where a log tells', positive)
    .option('--quick', 'first ask only whether anything differs: cheaper where all agrees, one more scan where not')
    .option(
      '--incremental [folder]',
      'only what was touched and what is due, by what this folder says was verified; goes on with a run that was broken off',
    )
    .option('--within <hours>', 'with --incremental: verify everything again within so many hours (24)', positive)
    .option('--jsonl [file]', 'a line of JSON per finding as soon as it is judged, to stdout or a file')
    .option('--junit <file>', 'JUnit XML; - is stdout, here and below')
    .option('--sarif <file>', 'SARIF 2.1.0')
    .option('--html <file>', 'one self-contained page')
    .option('--baseline <file>', 'accepted findings; by default selvedge.baseline.json beside the configuration')
    .addOption(new Option('--fail-on <verdict...>', 'end with 1 only for these').choices(verdicts))
    .action((options: CommonOptions & CheckChoice) =>
      run(options, async (screen) => (await import('./check-command.ts')).checkCommand(options, screen)),
    )
  withSources(commands.command('accept'))
    .argument('<invariant>', 'its sentence')
    .argument('<key>', 'the key as findings print it, or * for all keys of an incident')
    .requiredOption('--reason <text>', 'why it is accepted')
    .requiredOption('--until <day>', 'the last day it is accepted, as 2026-12-31')
    .option('--by <name>', 'who decides')
    .option('--incident <id>', 'only as part of this incident')
    .option('--baseline <file>', 'where to write it; by default selvedge.baseline.json beside the configuration')
    .description('write a finding into the baseline file, so that it is no finding until a day')
    .action((invariant: string, key: string, options: CommonOptions & AcceptOptions) =>
      run(options, async (screen) =>
        (await import('./accept-command.ts')).acceptCommand({ invariant, key }, options, screen),
      ),
    )
  withSources(commands.command('explain'))
    .argument('<entity>', 'the name of the entity, as User')
    .argument('<id>', 'its key, as findings print it')
    .description('show one entity in every service and everything that happened to it')
    .action((entity: string, key: string, options: CommonOptions) =>
      run(options, async (screen) => (await import('./commands.ts')).explainCommand({ entity, key }, options, screen)),
    )
  withSources(commands.command('doctor'))
    .description('look for rights, lag, parked streams, held snapshots, silent writes and clocks')
    .option('--held <seconds>', 'a snapshot held longer is a symptom', positive, 10)
    .action((options: CommonOptions & { held?: number }) =>
      run(options, async (screen) => (await import('./commands.ts')).doctorCommand(options, screen)),
    )
  withOutput(commands.command('migrate'))
    .description('print the SQL of the tables that a service needs, for other migration tools')
    .requiredOption('--print-sql', 'print it to stdout')
    .option('--schema <name>', 'the schema of the tables', 'selvedge')
    .action((options: CommonOptions & { schema: string }) =>
      run(options, async (screen) => (await import('./commands.ts')).migrateCommand(options, screen)),
    )
}

function declareWaiting(commands: Command, run: Run): void {
  withSources(commands.command('parked'))
    .argument('[consumer]', 'only the streams of this consumer')
    .description('list the streams that wait, with their errors')
    .action((consumer: string | undefined, options: CommonOptions) =>
      run(options, async (screen) => (await import('./parked-commands.ts')).parkedCommand(consumer, options, screen)),
    )
  withSources(commands.command('retry'))
    .argument('<consumer>')
    .argument('<stream>', 'as User/42')
    .description('let one stream that waits try again now')
    .action((consumer: string, stream: string, options: CommonOptions) =>
      run(options, async (screen) =>
        (await import('./parked-commands.ts')).retryCommand({ consumer, stream }, options, screen),
      ),
    )
  withSources(commands.command('release'))
    .argument('<consumer>')
    .description('let all streams of a consumer try again, after an upgrade or an outage')
    .action((consumer: string, options: CommonOptions) =>
      run(options, async (screen) => (await import('./parked-commands.ts')).releaseCommand(consumer, options, screen)),
    )
  withSources(commands.command('skip'))
    .argument('<consumer>')
    .argument('<stream>', 'as User/42')
    .argument('<version>', 'the first event that waits', positive)
    .requiredOption('--by <name>', 'who decides')
    .requiredOption('--reason <text>', 'why; both are kept with the event')
    .description('leave out the first event that waits in a stream')
    .action(
      (consumer: string, stream: string, version: number, options: CommonOptions & { by: string; reason: string }) =>
        run(options, async (screen) =>
          (await import('./parked-commands.ts')).skipCommand(
            { ...options, consumer, stream, version },
            options,
            screen,
          ),
        ),
    )
}

function declareWatch(commands: Command, run: Run, { signal, environment, stderr }: Surroundings): void {
  withSources(commands.command('watch'))
    .description('repeat the check on its schedule, say what changed, serve /metrics, /healthz and /status.json')
    .option(
      '--once',
      'one run now, kept in the history and told; ends as check does, with 0 when all it found was healed',
    )
    .option('--port <number>', 'the port on 127.0.0.1 (or `watch.host`); 0 takes any', port)
    .action((options: CommonOptions & { once?: boolean; port?: number }) =>
      run(options, async (screen) =>
        (await import('./watch-command.ts')).watchCommand({ ...options, signal, environment, stderr }, screen),
      ),
    )
}

function declareDemo(commands: Command, run: Run, { signal }: Surroundings): void {
  withOutput(commands.command('demo'))
    .description('run the academy: eight services, their faults, and what a check finds')
    .option('--database-url <url>', 'use this PostgreSQL instead of an embedded one; everything made there is dropped')
    .option('--keep [folder]', 'keep the databases')
    .option('--processes', 'the cured academy as one process per service; needs --database-url')
    .option('--port <number>', 'the port of the page', positive)
    .option('--actions <number>', 'run the proof with so many actions, print its result and end', positive)
    .option('--seed <seed>', 'the seed of the proof or of the learners')
    .action((options: CommonOptions & Omit<DemoOptions, 'signal'>) =>
      run(options, async (screen) => (await import('./demo-command.ts')).demoCommand({ ...options, signal }, screen)),
    )
}

function port(text: string): number {
  const n = Number(text)
  if (Number.isInteger(n) && n >= 0 && n <= 65_535) return n
  throw new InvalidArgumentError('It must be a number from 0 to 65535.')
}

function budget(text: string): 'auto' | 'full' | number {
  if (text === 'auto' || text === 'full') return text
  const share = Number(text)
  if (share > 0 && share <= 1) return share
  throw new InvalidArgumentError('It must be auto, full, or a share from 0.01 to 1.')
}

function positive(text: string): number {
  const n = Number(text)
  if (Number.isFinite(n) && n > 0) return n
  throw new InvalidArgumentError('It must be a number above zero.')
}
