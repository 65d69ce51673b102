/**
 * What learners and staff do, drawn from a seed.
 *
 * The draw keeps a model of what exists, so that an action and its outcome are known before it is performed: both variants are asked
 * the same things, and an answer that differs from `expected` is a bug of the academy, never a matter of luck. The model knows
 * nothing of copies and messages: every refusal drawn here rests on rows that the asked service owns.
 */
import type { ServiceName } from './services.ts'
import { courseTitle, emailOf, learnerName, learningPaths, pictureOf, preferenceValues } from './words.ts'

/** The source of chance; the seeded random of `selvedge/testing` is one. */
export interface Chance {
  next(): number
  int(lessThan: number): number
  pick<T>(from: readonly T[]): T
}

/** One request to the platform. */
export interface Action {
  /** Requests are numbered in the order in which they come in. */
  readonly number: number
  readonly kind: ActionKind
  readonly service: ServiceName
  readonly method: 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** The id of the entity that the action is about. */
  readonly about: string
  readonly expected: 'accepted' | 'refused' | 'unavailable'
}

/** The kinds of actions with how often each is drawn, in parts of their sum. */
export const actionWeights = {
  register: 9,
  'update-profile': 15,
  'delete-user': 3,
  'publish-course': 3,
  'rename-course': 7,
  'retire-course': 1,
  enroll: 14,
  cancel: 3,
  pay: 8,
  'record-progress': 8,
  'complete-course': 5,
  'submit-challenge': 12,
  'choose-path': 4,
  'recommend-path': 4,
  'settings-preferences': 5,
  'mail-preferences': 5,
} as const

export type ActionKind = keyof typeof actionWeights

/** One action in so many is one that the business must refuse. */
const refusalsOneIn = 60
/** Where the first courses and learners come from: so many are made before anything else is drawn. */
const coursesAtFirst = 4
const learnersAtFirst = 12
/** Of a learner's challenges so many exist; small enough that they are tried again. */
const challengesMax = 24

interface ModelEnrollment {
  readonly id: string
  readonly userId: string
  readonly courseId: string
  percent: number
  paid: boolean
  completed: boolean
}

interface ModelLearner {
  readonly id: string
  firstName: string
  lastName: string
  email: string
  picture: string
  readonly solved: Set<string>
}

/** What exists, as far as the owners of it know. */
export interface AcademyModel {
  readonly learners: Map<string, ModelLearner>
  readonly courses: Map<string, string>
  readonly enrollments: Map<string, ModelEnrollment>
  readonly usedIds: Set<string>
}

/** The model of an academy that has just opened. */
export const emptyModel = (): AcademyModel => ({
  learners: new Map(),
  courses: new Map(),
  enrollments: new Map(),
  usedIds: new Set(),
})

/** What is around an action: its number, the form of the user service's API that the caller speaks, and which services are stopped. */
export interface Situation {
  readonly number: number
  readonly userVersion: 1 | 2
  readonly isStopped: (service: ServiceName) => boolean
}

/** A request without its number and outcome, and what becomes of the model when it is accepted. */
interface Draft {
  readonly service: ServiceName
  readonly method: Action['method']
  readonly path: string
  readonly about: string
  readonly body?: Record<string, unknown>
  readonly refused?: boolean
  readonly accept: () => void
}

type Drawer = (chance: Chance, model: AcademyModel, situation: Situation) => Draft | undefined

/** Draws the next action and moves the model on by it. */
export function drawAction(chance: Chance, model: AcademyModel, situation: Situation): Action {
  const { kind, draft } = drawDraft(chance, model, situation)
  const unavailable = situation.isStopped(draft.service)
  if (!unavailable && !draft.refused) draft.accept()
  return {
    number: situation.number,
    kind,
    service: draft.service,
    method: draft.method,
    path: draft.path,
    about: draft.about,
    body: { ...draft.body, action: situation.number },
    expected: unavailable ? 'unavailable' : draft.refused ? 'refused' : 'accepted',
  }
}

function drawDraft(chance: Chance, model: AcademyModel, situation: Situation): { kind: ActionKind; draft: Draft } {
  const kind = drawKind(chance, model)
  const refusal = chance.int(refusalsOneIn) === 0 ? drawRefusal(chance, model, situation) : undefined
  if (refusal) return refusal
  const draft = drawers[kind](chance, model, situation)
  // Some kinds need what does not exist yet, such as an enrollment to pay for; somebody registers instead.
  return draft ? { kind, draft } : { kind: 'register', draft: register(chance, model, situation) }
}

function drawKind(chance: Chance, model: AcademyModel): ActionKind {
  if (model.courses.size < coursesAtFirst) return 'publish-course'
  if (model.learners.size < learnersAtFirst) return 'register'
  const entries = Object.entries(actionWeights) as [ActionKind, number][]
  let left = chance.int(entries.reduce((sum, [, weight]) => sum + weight, 0))
  for (const [kind, weight] of entries) {
    left -= weight
    if (left < 0) return kind
  }
  return 'register'
}

/** Something that the asked service must refuse because of a row of its own. */
function drawRefusal(chance: Chance, model: AcademyModel, situation: Situation) {
  const learner = someLearner(chance, model)
  const again = register(chance, model, situation, learner)
  if (learner && chance.int(2) === 0) return { kind: 'register' as const, draft: { ...again, refused: true } }
  const solved = learner && [...learner.solved][0]
  if (!learner || !solved) return undefined
  const draft = submission(learner, solved, true)
  return { kind: 'submit-challenge' as const, draft: { ...draft, refused: true } }
}

function freshId(chance: Chance, model: AcademyModel, prefix: string, digits: number): string {
  for (let width = digits; ; width++) {
    // A few attempts each: a range that is nearly used up is left for one ten times as wide.
    for (let attempt = 0; attempt < 8; attempt++) {
      const id = `${prefix}-${String(chance.int(10 ** width)).padStart(width, '0')}`
      if (model.usedIds.has(id)) continue
      model.usedIds.add(id)
      return id
    }
  }
}

function someLearner(chance: Chance, model: AcademyModel): ModelLearner | undefined {
  const ids = [...model.learners.keys()]
  if (ids.length === 0) return undefined
  // Half of the actions come from the youngest dozen, so that changes of one learner follow each other closely.
  return model.learners.get(chance.pick(chance.int(2) === 0 ? ids.slice(-12) : ids))
}

function someEnrollment(chance: Chance, model: AcademyModel, fits: (one: ModelEnrollment) => boolean) {
  const fitting = [...model.enrollments.values()].filter(fits)
  return fitting.length === 0 ? undefined : chance.pick(fitting)
}

function dropEnrollments(model: AcademyModel, gone: (one: ModelEnrollment) => boolean) {
  for (const one of model.enrollments.values()) if (gone(one)) model.enrollments.delete(one.id)
}

function names(learner: { firstName: string; lastName: string }, version: 1 | 2) {
  const { firstName, lastName } = learner
  return version === 1 ? { name: `${firstName} ${lastName}` } : { firstName, lastName }
}

function register(chance: Chance, model: AcademyModel, { userVersion }: Situation, again?: ModelLearner): Draft {
  const id = again?.id ?? freshId(chance, model, 'learner', 3)
  const learner = { id, ...learnerName(chance), solved: new Set<string>() }
  const full = { ...learner, email: emailOf(chance, learner), picture: pictureOf(chance, id) }
  return {
    service: 'user',
    method: 'PUT',
    path: `/v${userVersion}/users/${id}`,
    about: id,
    body: { ...names(full, userVersion), email: full.email, picture: full.picture },
    accept: () => model.learners.set(id, full),
  }
}

function submission(learner: ModelLearner, challengeId: string, correct: boolean): Draft {
  return {
    service: 'challenge',
    method: 'POST',
    path: `/learners/${learner.id}/submissions/${challengeId}`,
    about: learner.id,
    body: { correct, points: 10 * (1 + (Number(challengeId.split('-')[1]) % 5)) },
    accept: () => correct && learner.solved.add(challengeId),
  }
}

const drawers: Readonly<Record<ActionKind, Drawer>> = {
  register: (chance, model, situation) => register(chance, model, situation),

  'update-profile': (chance, model, { userVersion }) => {
    const learner = someLearner(chance, model)
    if (!learner) return undefined
    const what = chance.int(4)
    const named = what === 0 ? { ...learner, ...learnerName(chance) } : learner
    const next = {
      ...named,
      email: what === 1 || what === 2 ? emailOf(chance, named) : learner.email,
      picture: what === 3 ? pictureOf(chance, learner.id) : learner.picture,
    }
    return {
      service: 'user',
      method: 'PATCH',
      path: `/v${userVersion}/users/${learner.id}`,
      about: learner.id,
      body: { ...names(next, userVersion), email: next.email, picture: next.picture },
      accept: () => Object.assign(learner, next),
    }
  },

  'delete-user': (chance, model, { userVersion }) => {
    const learner = someLearner(chance, model)
    if (!learner || model.learners.size <= learnersAtFirst) return undefined
    return {
      service: 'user',
      method: 'DELETE',
      path: `/v${userVersion}/users/${learner.id}`,
      about: learner.id,
      accept: () => {
        model.learners.delete(learner.id)
        dropEnrollments(model, (one) => one.userId === learner.id)
      },
    }
  },

  'publish-course': (chance, model) => {
    const id = freshId(chance, model, 'course', 3)
    const title = courseTitle(chance)
    return {
      service: 'course',
      method: 'PUT',
      path: `/courses/${id}`,
      about: id,
      body: { title, priceCents: 900 + 100 * chance.int(90) },
      accept: () => model.courses.set(id, title),
    }
  },

  'rename-course': (chance, model) => {
    const id = chance.pick([...model.courses.keys()])
    const title = courseTitle(chance)
    return {
      service: 'course',
      method: 'PATCH',
      path: `/courses/${id}`,
      about: id,
      body: { title },
      accept: () => model.courses.set(id, title),
    }
  },

  'retire-course': (chance, model) => {
    if (model.courses.size <= coursesAtFirst) return undefined
    const id = chance.pick([...model.courses.keys()])
    return {
      service: 'course',
      method: 'DELETE',
      path: `/courses/${id}`,
      about: id,
      accept: () => {
        model.courses.delete(id)
        dropEnrollments(model, (one) => one.courseId === id)
      },
    }
  },

  enroll: (chance, model) => {
    const learner = someLearner(chance, model)
    const taken = new Set(
      [...model.enrollments.values()].filter((one) => one.userId === learner?.id).map((one) => one.courseId),
    )
    const open = [...model.courses.keys()].filter((id) => !taken.has(id))
    if (!learner || open.length === 0) return undefined
    const id = freshId(chance, model, 'enrollment', 5)
    const one = { id, userId: learner.id, courseId: chance.pick(open), percent: 0, paid: false, completed: false }
    return {
      service: 'enrollment',
      method: 'PUT',
      path: `/enrollments/${id}`,
      about: id,
      body: { userId: one.userId, courseId: one.courseId },
      accept: () => model.enrollments.set(id, one),
    }
  },

  cancel: (chance, model) => {
    const one = someEnrollment(chance, model, ({ completed }) => !completed)
    if (!one) return undefined
    return {
      service: 'enrollment',
      method: 'DELETE',
      path: `/enrollments/${one.id}`,
      about: one.id,
      accept: () => model.enrollments.delete(one.id),
    }
  },

  pay: (chance, model) => {
    const one = someEnrollment(chance, model, ({ paid }) => !paid)
    if (!one) return undefined
    const id = freshId(chance, model, 'payment', 5)
    return {
      service: 'payment',
      method: 'PUT',
      path: `/payments/${id}`,
      about: id,
      body: { enrollmentId: one.id, userId: one.userId, cents: 900 + 100 * chance.int(90) },
      accept: () => {
        one.paid = true
      },
    }
  },

  'record-progress': (chance, model) => {
    const one = someEnrollment(chance, model, ({ completed }) => !completed)
    if (!one) return undefined
    const percent = Math.min(99, one.percent + 1 + chance.int(40))
    return {
      service: 'progress',
      method: 'PUT',
      path: `/progress/${one.id}`,
      about: one.id,
      body: { userId: one.userId, courseId: one.courseId, percent },
      accept: () => {
        one.percent = percent
      },
    }
  },

  'complete-course': (chance, model) => {
    const one = someEnrollment(chance, model, ({ completed }) => !completed)
    if (!one) return undefined
    return {
      service: 'progress',
      method: 'PUT',
      path: `/progress/${one.id}/completion`,
      about: one.id,
      body: { userId: one.userId, courseId: one.courseId },
      accept: () => {
        one.completed = true
      },
    }
  },

  'submit-challenge': (chance, model) => {
    const learner = someLearner(chance, model)
    const open = Array.from({ length: challengesMax }, (_, i) => `challenge-${i + 1}`).filter(
      (id) => !learner?.solved.has(id),
    )
    if (!learner || open.length === 0) return undefined
    return submission(learner, chance.pick(open), chance.int(4) > 0)
  },

  'choose-path': decision('progress', 'path', learningPaths),
  'recommend-path': decision('course', 'recommendation', learningPaths),
  'mail-preferences': decision('notification', 'preferences', preferenceValues),

  'settings-preferences': (chance, model, { userVersion }) => {
    const learner = someLearner(chance, model)
    if (!learner) return undefined
    return {
      service: 'user',
      method: 'PUT',
      path: `/v${userVersion}/users/${learner.id}/preferences`,
      about: learner.id,
      body: { value: chance.pick(preferenceValues) },
      accept: () => undefined,
    }
  },
}

function decision(service: ServiceName, what: string, values: readonly string[]): Drawer {
  return (chance, model) => {
    const learner = someLearner(chance, model)
    if (!learner) return undefined
    return {
      service,
      method: 'PUT',
      path: `/learners/${learner.id}/${what}`,
      about: learner.id,
      body: { value: chance.pick(values) },
      accept: () => undefined,
    }
  }
}
