/**
 * The proof: the same actions under the same faults in both variants of the academy, counted by SQL and by `selvedge check`.
 *
 *     naive:  actions · count at the bound · drain · count
 *     cured:  actions, a check every 200 of them · count at the bound · drain · count · rogue writes · second check
 *
 * Nothing in the document depends on the wall clock: the same seed gives the same text.
 */
import { check } from 'selvedge/check'
import {
  drawPlan,
  type FaultKind,
  faultTable,
  type Plan,
  type RunReport,
  runWorld,
  seededRandom,
  simulatedWorld,
  type World,
} from 'selvedge/testing'
import { actionsOf } from './actions-of-plan.ts'
import { academyConfig } from './config.ts'
import { countProblems, inventedIn, type ProblemCount, type Truths } from './count.ts'
import { type AcademyDatabases, createDatabases } from './databases.ts'
import { writeBehindTheirBacks } from './rogue.ts'
import { serviceNames } from './services.ts'
import { actionMs, aimedAt, bound, crashing, lateConsumer } from './setting.ts'
import { SteppedCheck } from './stepped-check.ts'
import { openTruth, type ProblemName, problemNames, type Truth } from './truth.ts'
import { curedVariant } from './variants/cured.ts'
import { naiveVariant } from './variants/naive.ts'
import type { AcademyVariant, EventCounts } from './variants/variant.ts'

/** What a proof is asked for. */
export interface ProofOptions {
  /** A server on which databases and roles may be created. */
  readonly serverUrl: string
  readonly actions: number
  readonly seed: number | string
  /** What databases and roles begin with; two proofs at once need two. */
  readonly prefix: string
  /** Only faults of these kinds; all by default. */
  readonly kinds?: readonly FaultKind[]
  /** How far clocks are off at most; five minutes by default. */
  readonly skewMs?: number
  /** Leaves the databases of both variants where they are. */
  readonly keep?: boolean
  readonly onProgress?: (line: string) => void
}

/** One fault kind in both variants. */
export interface FaultLine {
  readonly kind: FaultKind
  readonly planned: number
  readonly hit: { readonly naive: number; readonly cured: number }
}

/** What came out. The page's time and the memory are measured by who runs it. */
export interface Proof {
  readonly seed: number | string
  readonly actions: Readonly<Record<'naive' | 'cured', { readonly accepted: number; readonly refused: number }>>
  readonly faults: readonly FaultLine[]
  readonly problems: readonly {
    readonly name: ProblemName
    readonly naive: ProblemCount
    readonly cured: ProblemCount
  }[]
  readonly during: { readonly checks: number; readonly invented: number }
  readonly rogueWrites: {
    readonly injected: number
    readonly found: number
    readonly missed: number
    readonly invented: number
  }
  readonly events: EventCounts
}

/** How often the check runs while the cured variant is at work. */
const checkEveryActions = 200
/** How often a check that waits for a deadline is looked after. */
const stepEveryActions = 10

/** The plan of a proof: all its faults, drawn from the seed before the first action. */
export function planOf(options: Pick<ProofOptions, 'seed' | 'actions' | 'kinds' | 'skewMs'>): Plan {
  const { seed, actions, kinds, skewMs } = options
  return drawPlan({
    ...{ seed, actions, bound, actionMs, crashing, services: serviceNames, about: aimedAt, versionSkew: lateConsumer },
    ...(kinds === undefined ? {} : { kinds }),
    ...(skewMs === undefined ? {} : { skewMs }),
  })
}

/**
 * Runs the proof.
 *
 * @throws Error when an answer of a service is not the one that its owner's rows allow, or when something could not be checked.
 * @example
 * const proof = await prove({ serverUrl: server.url, actions: 2000, seed: 7, prefix: 'academy' })
 */
export async function prove(options: ProofOptions): Promise<Proof> {
  const plan = planOf(options)
  // Two worlds that know nothing of each other: side by side they take as long as the slower one.
  const ran = await Promise.allSettled((['naive', 'cured'] as const).map((name) => runVariant({ name, plan, options })))
  const failed = ran.find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
  const [naive, cured] = ran.map((one) => (one as PromiseFulfilledResult<Ran>).value) as [Ran, Ran]
  return {
    seed: options.seed,
    actions: { naive: answersOf(naive.report), cured: answersOf(cured.report) },
    faults: faultTable({ naive: naive.report.faults, cured: cured.report.faults }) as unknown as readonly FaultLine[],
    problems: problemNames.map((name) => ({ name, naive: naive.problems[name], cured: cured.problems[name] })),
    during: cured.during,
    rogueWrites: cured.rogueWrites,
    events: cured.events,
  }
}

interface Ran {
  readonly report: RunReport
  readonly problems: Readonly<Record<ProblemName, ProblemCount>>
  readonly during: Proof['during']
  readonly rogueWrites: Proof['rogueWrites']
  readonly events: EventCounts
}

interface Setup {
  readonly name: 'naive' | 'cured'
  readonly plan: Plan
  readonly options: ProofOptions
}

async function runVariant({ name, plan, options }: Setup): Promise<Ran> {
  const prefix = `${options.prefix}_${name}`
  const databases = await createDatabases(options.serverUrl, prefix)
  const world = simulatedWorld<never>(plan)
  const ends: (() => Promise<void>)[] = []
  if (!options.keep) ends.push(() => databases.drop())
  try {
    const truth = await openTruth(options.serverUrl, `${prefix}_truth`)
    ends.unshift(() => truth.close())
    const variant = await (name === 'naive' ? naiveVariant(world, databases) : curedVariant(world, databases))
    ends.unshift(() => variant.close())
    return await new VariantRun({ name, world, databases, variant, truth, options }).run()
  } finally {
    // All of them are tried: a connection that does not close must not leave databases behind.
    const ended = []
    for (const end of ends) ended.push(...(await Promise.allSettled([end()])))
    const failed = ended.find((one) => one.status === 'rejected')
    if (failed) options.onProgress?.(`${name}: ${String(failed.reason)}`)
  }
}

interface Parts {
  readonly name: 'naive' | 'cured'
  readonly world: World<never>
  readonly databases: AcademyDatabases
  readonly variant: AcademyVariant
  readonly truth: Truth
  readonly options: ProofOptions
}

/** One variant at work. */
class VariantRun {
  readonly #parts: Parts
  readonly #startMs: number
  readonly #actions: ReturnType<typeof actionsOf>
  readonly #during = { checks: 0, invented: 0 }
  #checking: { readonly checking: SteppedCheck; readonly began: Truths }[] = []

  constructor(parts: Parts) {
    this.#parts = parts
    this.#startMs = parts.world.time.nowMs
    this.#actions = actionsOf(parts.world.plan)
  }

  async run(): Promise<Ran> {
    const { name, world, variant, options } = this.#parts
    let atBound: Truths | undefined
    const report = await runWorld({
      world,
      variant: variant.variant,
      actions: this.#actions,
      hooks: {
        every: { actions: stepEveryActions, run: (performed) => this.#whileRunning(performed) },
        atBound: async () => {
          atBound = await this.#truths()
        },
      },
    })
    this.#assertAsExpected(report)
    options.onProgress?.(`${name}: ${report.accepted} actions accepted, counting`)
    await this.#step()
    const truths = await this.#truths()
    const problems = countProblems(truths, await this.#check(), atBound as Truths)
    const events = await variant.events()
    const rogueWrites = name === 'cured' ? await this.#rogue() : { injected: 0, found: 0, missed: 0, invented: 0 }
    return { report, problems, during: this.#during, rogueWrites, events }
  }

  /** In the cured variant a check is started every so often and goes on as time allows. */
  async #whileRunning(performed: number): Promise<void> {
    const { name, options } = this.#parts
    if (performed % checkEveryActions === 0) {
      options.onProgress?.(`${name}: ${performed} of ${this.#actions.length} actions`)
      if (name === 'cured')
        this.#checking.push({
          checking: new SteppedCheck(this.#parts.world, this.#config()),
          began: await this.#truths(0),
        })
    }
    await this.#step()
  }

  async #step(): Promise<void> {
    for (const running of [...this.#checking]) {
      const report = await running.checking.step()
      if (report === undefined) continue
      this.#checking = this.#checking.filter((other) => other !== running)
      this.#during.checks += 1
      if (report.findings.length === 0) continue
      // That a stream waits is a finding at once, and may have ended when the check does; what else differs is one only after the bound.
      const waiting = [running.began, await this.#truths(0)]
      this.#during.invented += inventedIn({ settled: await this.#truths(), waiting }, report)
    }
  }

  async #rogue(): Promise<Proof['rogueWrites']> {
    const { databases, options } = this.#parts
    const injected = await writeBehindTheirBacks(databases, seededRandom(options.seed).fork('rogue'))
    const truths = await this.#truths()
    const counts = Object.values(countProblems(truths, await this.#check(), truths))
    const sum = (of: 'found' | 'missed' | 'invented') => counts.reduce((total, count) => total + count[of], 0)
    return { injected, found: sum('found'), missed: sum('missed'), invented: sum('invented') }
  }

  #check() {
    const { world } = this.#parts
    return check(this.#config(), { clock: world.time.clock(), scheduler: world.scheduler })
  }

  #config() {
    return academyConfig(this.#parts.databases.adminUrl)
  }

  #truths(boundMs: number = this.#parts.world.plan.boundMs): Promise<Truths> {
    const { truth, databases, world } = this.#parts
    return truth.ask(databases, {
      now: new Date(world.time.nowMs),
      boundMs,
      performedAt: this.#actions.map((_, n) => new Date(this.#startMs + (n + 1) * world.plan.actionMs)),
    })
  }

  #assertAsExpected(report: RunReport): void {
    // A delivery whose receiver could not reach the owner behind it was a hint that came at a bad moment.
    const first = report.failures.find(({ error }) => (error as { kind?: string }).kind !== 'transient')
    if (first) throw new Error(`${report.variant}: ${first.to} failed on ${first.about}.`, { cause: first.error })
    const expected = this.#actions.filter((action) => action.expected !== 'accepted').map((action) => action.number)
    const odd =
      report.refusedActions.find((number) => !expected.includes(number)) ??
      expected.find((number) => !report.refusedActions.includes(number))
    if (odd === undefined) return
    throw new Error(
      `${report.variant}: action ${odd} (${this.#actions[odd]?.kind}) should have been ${this.#actions[odd]?.expected}.`,
    )
  }
}

const answersOf = ({ accepted, refused }: RunReport) => ({ accepted, refused })
