/**
 * The academy live: learners at work in both variants, faults that happen by themselves or on a button, and a check that never rests.
 *
 *     starting --databases, services--> running: traffic · faults · checks --stop--> stopped
 *
 * Both variants are asked the same things and meet the same faults. The naive one loses what the faults take; the cured one
 * has it in its log. Writes behind a service's back hurt both: that is what a check is for.
 */
import { check, type Report } from 'selvedge/check'
import { type Action, drawAction, emptyModel } from './actions.ts'
import { demoConfig } from './demo-config.ts'
import { startCured } from './demo-cured.ts'
import { type DemoVariant, startNaive } from './demo-naive.ts'
import type { DemoDatabases, DemoSurroundings } from './demo-surroundings.ts'
import { type ServiceName, serviceNames } from './services.ts'

export { startPage } from './demo-server.ts'
export type { DemoDatabases, DemoSurroundings } from './demo-surroundings.ts'

/** The names of the variants, as the page shows them. */
export const variantNames = ['naive', 'cured'] as const
export type VariantName = (typeof variantNames)[number]

/** A fault that a person can cause. */
export type Fault = 'lose' | 'stop' | 'write-behind'

/** What a variant looks like now. */
export interface VariantState {
  readonly name: VariantName
  readonly isReady: boolean
  readonly counts: Readonly<Record<string, number>>
  /** The last report; undefined before the first check is done. */
  readonly report: Report | undefined
  readonly checks: number
  readonly rows: Readonly<Record<string, number>>
}

/** What the page shows. */
export interface DemoState {
  readonly actions: { readonly accepted: number; readonly refused: number; readonly unavailable: number }
  readonly stopped: readonly ServiceName[]
  readonly variants: readonly VariantState[]
  /** What happened, newest first. */
  readonly happenings: readonly { readonly at: Date; readonly what: string }[]
}

/** A demo at work. */
export interface Demo {
  state(): DemoState
  cause(fault: Fault): Promise<void>
  /** Lets learners in, and opens the cured academy beside them. */
  begin(): void
  /** Hears of each report. */
  onReport(listener: (variant: VariantName, report: Report) => void): void
  stop(): Promise<void>
}

/** The academy is filled by this many actions in a row before learners take their time. */
const actionsAtOnce = 60
/** Quick enough that the page moves, slow enough to leave the machine to others. */
const pauseMs = 250
/** A message is lost about this often. */
const loseEveryMs = 12_000
const stopEveryMs = 75_000
/** How long the button keeps a service stopped. */
const stoppedMs = 10_000
/** Between two checks of one variant. */
const checkPauseMs = 1_500
const happeningsMax = 12
/** Before the first fault there is nothing to find. */
const lookAgainMs = 50

/** The way of a message that carries a change: from its owner to a service that keeps a copy. */
const routes: readonly { readonly from: ServiceName; readonly to: ServiceName; readonly types: readonly string[] }[] = [
  { from: 'user', to: 'progress', types: ['UserProfileUpdated', 'UserRegistered'] },
  { from: 'user', to: 'notification', types: ['UserProfileUpdated', 'UserRegistered'] },
  { from: 'course', to: 'enrollment', types: ['CourseRenamed', 'CoursePublished'] },
  { from: 'enrollment', to: 'progress', types: ['EnrollmentCreated', 'EnrollmentCancelled'] },
  { from: 'payment', to: 'enrollment', types: ['PaymentCaptured'] },
  { from: 'challenge', to: 'achievement', types: ['ChallengeSubmitted'] },
]

/** Opens the naive academy; nothing happens there before `begin()`. */
export async function startDemo(around: DemoSurroundings): Promise<Demo> {
  const demo = new RunningDemo(around)
  await demo.open()
  return demo
}

class RunningDemo implements Demo {
  readonly #around: DemoSurroundings
  readonly #databases: Partial<Record<VariantName, DemoDatabases>> = {}
  readonly #variants = new Map<VariantName, DemoVariant>()
  readonly #reports = new Map<VariantName, { report: Report; checks: number }>()
  readonly #rows = new Map<VariantName, Record<string, number>>()
  readonly #stopped = new Set<ServiceName>()
  readonly #listeners: ((variant: VariantName, report: Report) => void)[] = []
  readonly #model = emptyModel()
  readonly #actions = { accepted: 0, refused: 0, unavailable: 0 }
  #happenings: { at: Date; what: string }[] = []
  /** What the cured academy has not been asked yet. */
  readonly #waiting: Action[] = []
  #hasLost = false
  #number = 0
  #isOver = false

  constructor(around: DemoSurroundings) {
    this.#around = around
  }

  async open(): Promise<void> {
    this.#databases.naive = this.#around.naive
    this.#variants.set('naive', await startNaive(this.#around))
  }

  begin(): void {
    const { scheduler } = this.#around
    this.#lose(routes[0])
    scheduler.task('traffic', () => this.#learn())
    this.#watch('naive')
    scheduler.task('cured', () => this.#openCured())
    this.#every('losses', loseEveryMs, async () => this.#lose(this.#around.random.pick(routes)))
    this.#every('stops', stopEveryMs, () => this.#stopOne())
  }

  /** Takes a few seconds longer; what learners did meanwhile is done there, too, as soon as it is open. */
  async #openCured(): Promise<'idle'> {
    try {
      this.#databases.cured = await this.#around.cured()
      this.#variants.set('cured', await startCured(this.#around, this.#databases.cured))
      this.#watch('cured')
    } catch (error) {
      if (!this.#isOver) this.#say(`The cured academy could not be opened: ${String(error)}`)
    }
    return 'idle'
  }

  #watch(name: VariantName): void {
    const { scheduler } = this.#around
    scheduler.task(`check ${name}`, () => this.#check(name))
    scheduler.task(`rows ${name}`, () => this.#count(name))
  }

  #every(name: string, ms: number, work: () => Promise<void>): void {
    let isFirst = true
    this.#around.scheduler.task(name, async () => {
      if (!isFirst) await work()
      isFirst = false
      return ms
    })
  }

  async #learn(): Promise<number> {
    const action = drawAction(this.#around.learners, this.#model, {
      ...{ number: this.#number, userVersion: 2 as const },
      isStopped: (service) => this.#stopped.has(service),
    })
    this.#number += 1
    if (action.expected === 'unavailable') this.#actions.unavailable += 1
    else await this.#perform(action)
    return this.#number < actionsAtOnce ? 0 : pauseMs
  }

  async #perform(action: Action): Promise<void> {
    const answer = await this.#ask('naive', action)
    this.#actions[answer] += 1
    this.#waiting.push(action)
    if (!this.#variants.has('cured')) return
    for (const one of this.#waiting.splice(0)) await this.#ask('cured', one)
  }

  #ask(name: VariantName, action: Action): Promise<'accepted' | 'refused'> {
    // A service may be stopped between the draw and the request: to the learner that is a refusal.
    return (this.#variants.get(name) as DemoVariant).act(action).catch(() => 'refused' as const)
  }

  async #check(name: VariantName): Promise<number> {
    if (!this.#hasLost) return lookAgainMs
    const isFirst = !this.#reports.has(name)
    const report = await check(
      demoConfig((service) => this.#databases[name]?.url(service) ?? ''),
      // The first one looks where the first loss must show, so that nobody waits for it.
      { scheduler: this.#around.scheduler, ...(isFirst ? { only: ['duplicate-data'] } : {}) },
    )
    if (this.#isOver) return checkPauseMs
    this.#reports.set(name, { report, checks: (this.#reports.get(name)?.checks ?? 0) + 1 })
    for (const listener of this.#listeners) listener(name, report)
    return checkPauseMs
  }

  async #count(name: VariantName): Promise<number> {
    const variant = this.#variants.get(name) as DemoVariant
    const counts = await Promise.all(
      serviceNames.map(async (service) => {
        const { rows } = await variant
          .database(service)
          .query<{ n: number }>(`select count(*)::int as n from ${mainTable[service]}`)
        return [service, rows[0]?.n ?? 0] as const
      }),
    )
    this.#rows.set(name, Object.fromEntries(counts))
    return 1_000
  }

  state(): DemoState {
    return {
      actions: { ...this.#actions },
      stopped: [...this.#stopped],
      variants: variantNames.map((name) => ({
        name,
        isReady: this.#variants.has(name),
        counts: this.#variants.get(name)?.counts() ?? {},
        report: this.#reports.get(name)?.report,
        checks: this.#reports.get(name)?.checks ?? 0,
        rows: this.#rows.get(name) ?? {},
      })),
      happenings: this.#happenings,
    }
  }

  onReport(listener: (variant: VariantName, report: Report) => void): void {
    this.#listeners.push(listener)
  }

  async cause(fault: Fault): Promise<void> {
    if (fault === 'lose') this.#lose(this.#around.random.pick(routes))
    else if (fault === 'stop') await this.#stopOne()
    else await this.#writeBehind()
  }

  #lose(route: (typeof routes)[number] | undefined): void {
    if (!route) return
    const { from, to, types } = route
    for (const [name, variant] of this.#variants)
      variant.loseNext(route, (type) => {
        this.#hasLost = true
        const after = name === 'naive' ? 'It will never know.' : 'It reads it from the log of its owner.'
        this.#say(`${name}: a ${type} from ${from} to ${to} was lost. ${after}`)
      })
    if (this.#number > 0) this.#say(`The next of ${types.join(', ')} from ${from} to ${to} will be lost.`)
  }

  async #stopOne(): Promise<void> {
    const candidates = serviceNames.filter((name) => !this.#stopped.has(name))
    if (candidates.length < serviceNames.length) return
    const name = this.#around.random.pick(candidates)
    this.#stopped.add(name)
    this.#say(`${name} stops for ${stoppedMs / 1_000} s. What is sent to it meanwhile is refused.`)
    await Promise.all([...this.#variants.values()].map((variant) => variant.stopService(name)))
    const restart = this.#around.scheduler.task(`restart ${name}`, async () => {
      if (!this.#stopped.has(name)) return 'idle'
      await this.#around.scheduler.sleep(stoppedMs)
      if (this.#isOver) return 'idle'
      await Promise.all([...this.#variants.values()].map((variant) => variant.startService(name)))
      this.#stopped.delete(name)
      this.#say(`${name} is back.`)
      return 'idle'
    })
    restart.wake()
  }

  async #writeBehind(): Promise<void> {
    const learners = [...this.#model.learners.keys()]
    if (learners.length === 0) return
    const id = this.#around.random.pick(learners)
    for (const variant of this.#variants.values())
      await variant
        .database('payment')
        .query(`update learner set email = 'somebody.else@example.com' where user_id = $1`, [id])
    this.#say(`Somebody changed the e-mail address of ${id} in the database of payment, in both academies.`)
  }

  #say(what: string): void {
    this.#happenings = [{ at: this.#around.now(), what }, ...this.#happenings].slice(0, happeningsMax)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#around.scheduler.stop()
    await Promise.all([...this.#variants.values()].map((variant) => variant.close()))
  }
}

/** The table whose rows are what a service is about. */
const mainTable: Readonly<Record<ServiceName, string>> = {
  user: 'account',
  course: 'course',
  challenge: 'submission',
  progress: 'progress',
  achievement: 'badge',
  payment: 'payment',
  enrollment: 'enrollment',
  notification: 'message',
}
