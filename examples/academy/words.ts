/** The words that the academy's actions are drawn from. */
import type { Chance } from './actions.ts'

const firstNames = [
  'Ada',
  'Alan',
  'Barbara',
  'Edsger',
  'Frances',
  'Grace',
  'Hedy',
  'Jean',
  'Karen',
  'Leslie',
  'Niklaus',
  'Tony',
]
const lastNames = [
  'Allen',
  'Bartik',
  'Dijkstra',
  'Hoare',
  'Hopper',
  'Lamarr',
  'Lamport',
  'Liskov',
  'Lovelace',
  'Turing',
  'Wirth',
]
const subjects = [
  'Graphs',
  'Recursion',
  'Sorting',
  'Hashing',
  'Trees',
  'Queues',
  'Networks',
  'Storage',
  'Parsing',
  'Types',
]
const levels = ['for Beginners', 'in Practice', 'from Scratch', 'the Hard Way', 'at Scale', 'in a Week']

/** The paths that a learner may follow. */
export const learningPaths = ['backend', 'frontend', 'data', 'security', 'interviews', 'embedded'] as const
/** How a learner may be written to. */
export const preferenceValues = ['mail', 'push', 'none'] as const

export const learnerName = (chance: Chance) => ({
  firstName: chance.pick(firstNames),
  lastName: chance.pick(lastNames),
})

export const emailOf = (chance: Chance, { firstName, lastName }: { firstName: string; lastName: string }): string =>
  `${firstName}.${lastName}.${chance.int(10_000)}@example.com`.toLowerCase()

export const pictureOf = (chance: Chance, id: string): string =>
  `https://pictures.example.com/${id}/${chance.int(10_000)}.jpg`

export const courseTitle = (chance: Chance): string =>
  `${chance.pick(subjects)} ${chance.pick(levels)}, edition ${chance.int(1000)}`
