import { expect, it } from 'vitest'
import type { Diagnosis } from '../explain/explain.ts'
import { printDiagnosis } from './print-diagnosis.ts'
import { terminal } from './terminal.ts'

it('calls no other engine PostgreSQL', () => {
  const said: string[] = []
  const stream = { write: (text: string) => said.push(text) }
  const facts = { hasLog: false, notes: [] }
  const sources = [
    { ...facts, source: 'user', service: 'user', server: '15.4', walLevel: 'replica' },
    { ...facts, source: 'shop', service: 'shop', server: 'mariadb 10.11', walLevel: '' },
  ]
  const diagnosis = { sources, symptoms: [], unread: [] } as unknown as Diagnosis
  printDiagnosis(diagnosis, terminal({ stdout: stream, stderr: stream, environment: {} }))
  expect(said.slice(0, 2)).toEqual([
    'user  PostgreSQL 15.4, wal_level replica, without our tables\n',
    'shop  mariadb 10.11, without our tables\n',
  ])
})
