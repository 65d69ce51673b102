/** The causes of the verdict suite, each with what a check must say; what it says is counted, and printed in the documentation. */
import {
  type Cause,
  change,
  changeOfFirst,
  handlers,
  hearing,
  ofPersons,
  patchOfOthers,
  putBack,
  putBackWithBook,
  reading,
  remove,
  replicas,
  rogue,
  rogueInFirst,
  save,
  saveWithEmail,
  written,
} from './cause.ts'
import { mailingOf, targets } from './world.ts'

const nothing = { said: 'nothing' } as const
const mailing = { bug: 'fails', bugOf: ({ reader }: { reader: 'reading' | 'hearing' }) => mailingOf(reader) } as const

/** Nothing is wrong, or no more. */
const healthy: readonly Cause[] = [
  {
    ...nothing,
    title: 'Nothing: messages come twice, overtake each other, and are lost so that punctuation tells',
    at: targets,
    during: (one) => (one.draw.chance(0.7) ? [{ op: change(one) }] : [{ op: change(one) }, { op: remove }]),
  },
  {
    ...nothing,
    title: 'A rogue write, and then an event of all columns',
    at: targets,
    behind: rogue,
    after: (one) => [save(one)],
  },
  {
    ...nothing,
    title: 'A message lost without a trace, and then the next of its stream',
    at: hearing(targets),
    isLost: true,
    during: (one) => [{ op: change(one) }],
    after: (one) => [change(one)],
  },
  {
    ...nothing,
    title: 'A handler that misreads an event, and then reads one of all columns',
    at: targets,
    bug: 'misreads',
    during: (one) => [{ op: change(one) }],
    after: (one) => [save(one)],
  },
  {
    ...nothing,
    title: 'An event that a person skipped, and then one of all columns',
    at: handlers,
    bug: 'fails',
    isSkipped: true,
    during: (one) => [{ op: change(one) }],
    after: (one) => [save(one)],
  },
  {
    ...nothing,
    title: 'An event that another consumer of the same reader set aside',
    at: ofPersons(handlers),
    ...mailing,
    during: (one) => [{ op: change(one) }],
  },
  {
    ...nothing,
    title: 'An UPDATE past the outbox, and then an event of all columns',
    at: targets,
    isOwners: true,
    during: (one) => [{ op: change(one), says: 'silent' }],
    after: (one) => [save(one)],
  },
]

const byOwner: readonly Cause[] = [
  ...(['silent', 'rolledBack'] as const).map((says): Cause => {
    const title =
      says === 'silent' ? 'An UPDATE past the outbox' : 'An UPDATE whose event was undone with its savepoint'
    return { title, said: 'never-published', at: targets, isOwners: true, during: (one) => [{ op: change(one), says }] }
  }),
  {
    title: 'An UPDATE past the outbox, and a rogue one of the same column at a handler’s copy',
    said: 'diverged',
    saidElsewhere: 'never-published',
    at: handlers,
    isOwners: true,
    during: (one) => [{ op: changeOfFirst(one), says: 'silent' }],
    behind: rogueInFirst,
  },
  {
    title: 'An INSERT past the outbox',
    said: 'never-published',
    at: targets,
    isOwners: true,
    isNew: true,
    during: (one) => [{ op: save(one), says: 'silent' }],
  },
  {
    title: 'A DELETE past the outbox',
    said: 'never-published',
    at: targets,
    isOwners: true,
    during: () => [{ op: remove, says: 'silent' }],
  },
  {
    title: 'A row made again past the outbox after its deletion',
    said: 'never-published',
    at: targets,
    isOwners: true,
    during: (one) => [{ op: remove }, { op: save(one), says: 'silent' }],
  },
]

const onTheWay: readonly Cause[] = [
  {
    title: 'A change lost on the way without a trace',
    said: 'lost-in-transport',
    at: hearing(targets),
    isLost: true,
    during: (one) => [{ op: change(one) }],
  },
  {
    title: 'A deletion lost on the way without a trace',
    said: 'lost-in-transport',
    at: hearing(targets),
    isLost: true,
    during: () => [{ op: remove }],
  },
  {
    title: 'The first event of a stream lost on the way to a replica',
    said: 'lost-in-transport',
    at: hearing(replicas),
    isLost: true,
    isNew: true,
    during: (one) => [{ op: save(one) }],
  },
  {
    title: 'The first event of a stream lost on the way to a handler',
    said: 'diverged',
    at: hearing(handlers),
    isLost: true,
    isNew: true,
    during: (one) => [{ op: save(one) }],
  },
]

const setAside: readonly Cause[] = [
  {
    title: 'A handler, or a replica’s mapping, that throws',
    said: 'parked',
    at: targets,
    bug: 'fails',
    during: (one) => [{ op: change(one) }],
  },
  {
    title: 'An event in a schema version that the reader does not know',
    said: 'schema-skew',
    at: ofPersons(targets),
    isOwners: true,
    during: (one) => [{ op: save(one), says: 'anew' }],
  },
  ...(
    [
      ['A change', (one) => [{ op: change(one) }], false],
      ['A deletion', () => [{ op: remove }], false],
      ['The first event of a stream', (one) => [{ op: save(one) }], true],
    ] as readonly (readonly [string, NonNullable<Cause['during']>, boolean])[]
  ).map(
    ([what, during, isNew]): Cause => ({
      title: `${what} that a person skipped`,
      said: 'skipped',
      at: handlers,
      bug: 'fails',
      isSkipped: true,
      isNew,
      during,
    }),
  ),
  {
    title: 'A change that a person skipped, and a rogue write after it',
    said: 'diverged',
    at: handlers,
    bug: 'fails',
    isSkipped: true,
    during: (one) => [{ op: change(one) }],
    behind: rogue,
  },
  {
    title: 'An event that another consumer set aside, and a rogue write here',
    said: 'diverged',
    at: ofPersons(handlers),
    ...mailing,
    during: (one) => [{ op: change(one) }],
    behind: rogue,
  },
]

const byHandler: readonly Cause[] = [
  {
    title: 'A handler by messages, or a replica’s mapping, that writes something else',
    said: 'misapplied',
    at: [...replicas, ...hearing(handlers)],
    bug: 'misreads',
    during: (one) => [{ op: change(one) }],
  },
  {
    title: 'A handler by messages that leaves a change out',
    said: 'misapplied',
    at: hearing(handlers),
    bug: 'ignores',
    during: (one) => [{ op: change(one) }],
  },
  {
    title: 'A handler by the log that writes something else, once its lane has moved on',
    said: 'diverged',
    at: reading(handlers),
    bug: 'misreads',
    during: (one) => [{ op: change(one) }],
  },
  {
    title: 'A handler by the log that leaves a change out',
    said: 'diverged',
    at: reading(handlers),
    bug: 'ignores',
    during: (one) => [{ op: change(one) }],
  },
  {
    title: 'A handler that never makes the row',
    said: 'diverged',
    at: handlers,
    bug: 'ignores',
    isNew: true,
    during: (one) => [{ op: save(one) }],
  },
  {
    title: 'A handler, or a mapping, that misreads an event, and then an event of other columns',
    said: 'diverged',
    at: ofPersons(targets),
    bug: 'misreads',
    during: (one) => [{ op: save(one) }],
    after: (one) => [patchOfOthers(one)],
  },
  {
    title: 'A handler that leaves a deletion out',
    said: 'lost-delete',
    at: handlers,
    bug: 'ignores',
    during: () => [{ op: remove }],
  },
]

const behindReplicas: readonly Cause[] = [
  { title: 'A rogue UPDATE behind a replica', said: 'conflicting-write', at: replicas, behind: rogue },
  {
    title: 'A rogue DELETE behind a replica',
    said: 'conflicting-write',
    at: replicas,
    behind: (one) => written(one, remove),
  },
  {
    title: 'A row of a replica made again after its deletion, otherwise than it was',
    said: 'conflicting-write',
    at: replicas,
    during: () => [{ op: remove }],
    behind: (one) => written(one, save(one)),
  },
  {
    title: 'A late job behind a replica that writes some columns of an earlier event',
    said: 'conflicting-write',
    at: replicas,
    // Without a new email the late job could write all that the two events differ in, which is an earlier state.
    during: (one) => [{ op: one.draw.patch(one.target.kind, ['email', 'active']) }, { op: saveWithEmail(one) }],
    behind: (one) => written(one, one.told.at(-2)!),
  },
  {
    title: 'A late job behind a replica that writes an earlier state without looking',
    said: 'regressed',
    at: replicas,
    during: (one) => [{ op: save(one) }, { op: change(one) }],
    behind: (one) => written(one, one.told.at(-2)!),
  },
  { title: 'A backup put back over rows of a replica', said: 'regressed', at: replicas, behind: putBack },
  {
    title: 'A row of a replica made again after its deletion as it was',
    said: 'regressed',
    at: replicas,
    during: () => [{ op: remove }],
    behind: putBack,
  },
  {
    title: 'A backup put back over rows of a replica by messages and the book of them',
    said: 'regressed',
    at: hearing(replicas),
    during: (one) => [{ op: save(one) }, { op: change(one) }, { op: one.draw.patch(one.target.kind) }],
    behind: putBackWithBook,
  },
  {
    title: 'A backup put back over rows of a replica by the log and the book of them, once its lane has moved on',
    said: 'diverged',
    at: reading(replicas),
    during: (one) => [{ op: save(one) }, { op: change(one) }, { op: one.draw.patch(one.target.kind) }],
    behind: putBackWithBook,
  },
]

const behindHandlers: readonly Cause[] = [
  { title: 'A rogue UPDATE behind a handler', said: 'diverged', at: handlers, behind: rogue },
  { title: 'A rogue DELETE behind a handler', said: 'diverged', at: handlers, behind: (one) => written(one, remove) },
  { title: 'A backup put back over rows that a handler keeps', said: 'diverged', at: handlers, behind: putBack },
  {
    title: 'A rogue UPDATE, and then an event of other columns',
    said: 'diverged',
    at: ofPersons(targets),
    behind: rogueInFirst,
    after: (one) => [patchOfOthers(one)],
  },
  {
    title: 'A row of a handler made again after its deletion',
    said: 'lost-delete',
    at: handlers,
    during: () => [{ op: remove }],
    behind: (one) => (one.draw.chance(0.5) ? putBack(one) : written(one, save(one))),
  },
  {
    title: 'A row of the copy of which its owner never told',
    said: 'orphan',
    at: targets,
    isNew: true,
    behind: (one) => written(one, save(one)),
  },
]

export const causes: readonly Cause[] = [
  ...healthy,
  ...byOwner,
  ...onTheWay,
  ...setAside,
  ...byHandler,
  ...behindReplicas,
  ...behindHandlers,
]
