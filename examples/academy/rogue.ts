/**
 * Writes behind the back of the services: what somebody with a database client does at night. Each breaks one invariant for one key.
 *
 * Keys are drawn from the seed among those that hold now, and no key is taken twice, so that every finding can be told apart.
 */
import { openDatabase } from 'selvedge/store'
import type { Chance } from './actions.ts'
import type { AcademyDatabases } from './databases.ts'
import type { ServiceName } from './services.ts'

interface RogueKind {
  readonly service: ServiceName
  /** Keys that may be hit, one column `key`. */
  readonly candidates: string
  /** The write; $1 is the key. */
  readonly write: string
}

const kinds: readonly RogueKind[] = [
  ...(['progress', 'enrollment', 'notification', 'payment'] as const).map((service) => ({
    service,
    candidates: 'select user_id as key from learner where email is not null',
    write: `update learner set email = 'rogue.' || email where user_id = $1`,
  })),
  {
    service: 'payment',
    candidates: 'select user_id as key from learner where picture is not null',
    write: `update learner set picture = picture || '#rogue' where user_id = $1`,
  },
  ...(['progress', 'notification'] as const).map((service) => ({
    service,
    candidates: 'select course_id as key from course where title is not null',
    write: `update course set title = 'Rogue ' || title where course_id = $1`,
  })),
  {
    service: 'achievement',
    candidates: 'select user_id as key from score',
    write: 'update score set points = points + 1 where user_id = $1',
  },
  {
    service: 'progress',
    candidates: 'select user_id as key from score',
    write: 'update score set solved = solved + 1 where user_id = $1',
  },
  {
    service: 'enrollment',
    candidates: `select enrollment_id as key from enrollment where status = 'active'`,
    write: 'update enrollment set percent = percent + 1 where enrollment_id = $1',
  },
  {
    service: 'progress',
    candidates: 'select enrollment_id as key from progress',
    write: 'delete from progress where enrollment_id = $1',
  },
  {
    service: 'payment',
    candidates: `select enrollment_id as key from payment where status = 'captured'`,
    write: `update payment set status = 'refunded' where enrollment_id = $1`,
  },
  {
    service: 'notification',
    candidates: 'select user_id as key from communication_preference where value is not null',
    write: `update communication_preference set value = 'rogue' where user_id = $1`,
  },
  {
    service: 'course',
    candidates: 'select user_id as key from learning_path where value is not null',
    write: `update learning_path set value = 'rogue' where user_id = $1`,
  },
  {
    service: 'achievement',
    candidates: 'select enrollment_id as key from certificate',
    write: `update certificate set user_id = 'learner-rogue' where enrollment_id = $1`,
  },
  {
    service: 'achievement',
    candidates: 'select enrollment_id as key from certificate where course_id is not null',
    write: `update certificate set course_id = 'course-rogue' where enrollment_id = $1`,
  },
  {
    service: 'notification',
    candidates: 'select min(user_id) as key from message group by user_id having count(*) = 1',
    write: `update message set user_id = 'learner-rogue' where user_id = $1`,
  },
]

/** Performs one write of each kind that finds a key; resolves with how many there were. */
export async function writeBehindTheirBacks(databases: AcademyDatabases, chance: Chance): Promise<number> {
  const used = new Set<string>()
  let written = 0
  for (const { service, candidates, write } of kinds) {
    const db = openDatabase(databases.adminUrl(service), { max: 1 })
    try {
      const { rows } = await db.query<{ key: string }>(candidates)
      const keys = rows
        .map(({ key }) => key)
        .filter((key) => !used.has(key))
        .sort()
      if (keys.length === 0) continue
      const key = chance.pick(keys)
      used.add(key)
      await db.query(write, [key])
      written += 1
    } finally {
      await db.close()
    }
  }
  return written
}
