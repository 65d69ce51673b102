/** The course service: the catalogue, and what the platform recommends to a learner. */
import { Hono } from 'hono'
import type { Transaction } from 'selvedge/store'
import { z } from 'zod'
import { type AcademyService, type Ports, Refusal, when } from '../domain.ts'
import { pathAtCourse } from '../facts.ts'
import { action, command, row } from '../http.ts'
import type { UserContract } from '../user/contract.ts'
import { CoursePublished, CourseRenamed, CourseRetired, course } from './contract.ts'
import { courseTables } from './tables.ts'

const publishing = z.object({ id: z.string(), title: z.string(), priceCents: z.int(), action })
const renaming = z.object({ id: z.string(), title: z.string(), action })
const retiring = z.object({ id: z.string(), action })
const recommending = z.object({ userId: z.string(), value: z.string(), action })

/** Puts a course into the catalogue. */
async function publishCourse(tx: Transaction, ports: Ports, input: z.infer<typeof publishing>) {
  const { id, title, priceCents } = input
  const { rowCount } = await tx.query(
    'insert into course (course_id, title, price_cents, changed_action) select $1::text, $2, $3::integer, $4::integer where not exists (select from retired_course where course_id = $1) on conflict do nothing',
    [id, title, priceCents, input.action],
  )
  if (rowCount === 0) throw new Refusal('course/already-published', `${id} is in the catalogue already.`)
  await ports.publish(tx, CoursePublished, { courseId: id, title, priceCents })
}

/** Gives a course another title. */
async function renameCourse(tx: Transaction, ports: Ports, input: z.infer<typeof renaming>) {
  const { rows } = await tx.query<{ title: string; price_cents: number }>(
    'update course set title = $2, changed_action = $3 where course_id = $1 returning title, price_cents',
    [input.id, input.title, input.action],
  )
  if (!rows[0]) throw new Refusal('course/unknown', `${input.id} is not in the catalogue.`, 404)
  await ports.publish(tx, CourseRenamed, { courseId: input.id, title: rows[0].title, priceCents: rows[0].price_cents })
}

/** Takes a course out of the catalogue for good. */
async function retireCourse(tx: Transaction, ports: Ports, input: z.infer<typeof retiring>) {
  const { id } = input
  const { rowCount } = await tx.query('delete from course where course_id = $1', [id])
  if (rowCount === 0) throw new Refusal('course/unknown', `${id} is not in the catalogue.`, 404)
  await tx.query('insert into retired_course (course_id, changed_action) values ($1, $2)', [id, input.action])
  await ports.publish(tx, CourseRetired, { courseId: id })
}

/** The course service, reading the user service by the given contract. */
export function courseService(user: UserContract): AcademyService {
  const path = pathAtCourse(user)
  return {
    contract: course,
    tables: courseTables,
    copies: [],
    facts: [path],
    reactions: [
      when(user.UserDeleted, async (tx, _ports, { userId }) => {
        await tx.query('delete from learning_path where user_id = $1', [userId])
      }),
    ],
    api: (run) => {
      const app = new Hono()
      app.get('/courses/:id', row(run, 'select course_id, title, price_cents from course where course_id = $1'))
      app.put('/courses/:id', command(run, publishing, publishCourse))
      app.patch('/courses/:id', command(run, renaming, renameCourse))
      app.delete('/courses/:id', command(run, retiring, retireCourse))
      app.put(
        '/learners/:userId/recommendation',
        command(run, recommending, async (tx, ports, input) => ({
          stands: await ports.decide(tx, path, {
            userId: input.userId,
            value: input.value,
            changedBy: 'recommendation',
            changedAction: input.action,
          }),
        })),
      )
      return app
    },
  }
}
