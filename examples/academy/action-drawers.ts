/** How each kind of action is drawn from the model of what exists, and what it does to that model. */
import type { AcademyModel, Action, ActionKind, Chance, Situation } from './actions.ts'
import type { ServiceName } from './services.ts'
import { courseTitle, emailOf, learnerName, learningPaths, pictureOf, preferenceValues } from './words.ts'

/** So many courses and learners are made before anything else is drawn, and are left when the others are gone. */
export const coursesAtFirst = 4
export const learnersAtFirst = 12
/** So many challenges exist; few enough that a learner tries the same one again. */
const challengesMax = 24

export interface ModelEnrollment {
  readonly id: string
  readonly userId: string
  readonly courseId: string
  percent: number
  paid: boolean
  completed: boolean
}

export interface ModelLearner {
  readonly id: string
  firstName: string
  lastName: string
  email: string
  picture: string
  readonly solved: Set<string>
}

/** A request without its number and outcome, and what becomes of the model when it is accepted. */
export interface Draft {
  readonly service: ServiceName
  readonly method: Action['method']
  readonly path: string
  readonly about: string
  readonly body?: Record<string, unknown>
  readonly refused?: boolean
  readonly accept: () => void
}

type Drawer = (chance: Chance, model: AcademyModel, situation: Situation) => Draft | undefined

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

export function someLearner(chance: Chance, model: AcademyModel): ModelLearner | undefined {
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

export function register(chance: Chance, model: AcademyModel, { userVersion }: Situation, again?: ModelLearner): Draft {
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

export function submission(learner: ModelLearner, challengeId: string, correct: boolean): Draft {
  return {
    service: 'challenge',
    method: 'POST',
    path: `/learners/${learner.id}/submissions/${challengeId}`,
    about: learner.id,
    body: { correct, points: 10 * (1 + (Number(challengeId.split('-')[1]) % 5)) },
    accept: () => correct && learner.solved.add(challengeId),
  }
}

export const drawers: Readonly<Record<ActionKind, Drawer>> = {
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
