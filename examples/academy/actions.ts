/**
 * What learners and staff do, drawn from a seed.
 *
 * The draw keeps a model of what exists, so that an action and its outcome are known before it is performed: both variants are asked
 * the same things, and an answer that differs from `expected` is a bug of the academy, never a matter of luck. The model knows
 * nothing of copies and messages: every refusal drawn here rests on rows that the asked service owns.
 */
import {
  coursesAtFirst,
  type Draft,
  drawers,
  learnersAtFirst,
  type ModelEnrollment,
  type ModelLearner,
  register,
  someLearner,
  submission,
} from './action-drawers.ts'
import type { ServiceName } from './services.ts'

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
