/** Repairs whose process is killed: what they begin with, and how often each row was really written. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Plan, planText } from '../../src/reconcile/reconcile.ts'
import { startProcess } from './process.ts'
import type { ReconcilePair } from './reconcile-pair.ts'

/** Makes one row wrong, one missing and one too many, and from then on notes every committed write. */
export async function spoil({ copy }: ReconcilePair): Promise<void> {
  await copy.query(
    `update learners set name = 'wrong' where id = 3; delete from learners where id = 5; insert into learners values (99, 'extra')`,
  )
  // A repair that is run twice would leave two lines.
  await copy.query(
    `create table written(id int, op text);
     create function note_write() returns trigger language plpgsql as $$ begin insert into written values (coalesce(new.id, old.id), tg_op); return null; end $$;
     create trigger note_write after insert or update or delete on learners for each row execute function note_write()`,
  )
}

/** The committed writes of the copy since `spoil`, as `UPDATE 3`. */
export async function writesOf({ copy }: ReconcilePair): Promise<readonly string[]> {
  const { rows } = await copy.query<{ id: number; op: string }>('select id, op from written order by id, op')
  return rows.map(({ id, op }) => `${op} ${id}`)
}

/** Applies the plan in a process of its own that ends itself at the moment of the step. */
export async function killedAt(pair: ReconcilePair, made: Plan, moment: string, step: number): Promise<void> {
  const path = join(pair.folder, 'plan.jsonl')
  writeFileSync(path, planText(made))
  const child = startProcess(new URL('./run-reconcile.ts', import.meta.url), {
    arguments: [...pair.urls, pair.folder, path, moment, String(step)],
  })
  expect(await child.ended, child.errors()).toBe('SIGKILL')
}
