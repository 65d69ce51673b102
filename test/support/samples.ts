/** Databases that others wrote, as a folder beside the project holds them; tests of them are skipped by name without it. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { test } from 'vitest'
import { testThatNeeds } from './needs.ts'

/** Where they are, with a slash at its end. */
export const samplesFolder: string = fileURLToPath(new URL('../../../shared/corpora/samples/', import.meta.url))

export const hasSamples: boolean = existsSync(samplesFolder)

/** `test`, where the sample databases are. */
export const testWithSamples: typeof test = testThatNeeds('samples', hasSamples)

const files = {
  chinook: 'chinook/chinook-postgresql.sql',
  northwind: 'northwind/northwind-postgresql.sql',
  'chinook-mysql': 'chinook/chinook-mysql.sql',
}

/** The name of a sample. */
export type SampleName = keyof typeof files

/** The statements of a sample, without those that make a database of their own. */
export function sampleSql(name: SampleName): string {
  return readFileSync(`${samplesFolder}${files[name]}`, 'utf8')
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !/^(?:DROP DATABASE|CREATE DATABASE|USE |\\c )/i.test(line))
    .join('\n')
}

/** Loads a sample into an empty PostgreSQL database. */
export async function loadSample(name: Exclude<SampleName, 'chinook-mysql'>, url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sampleSql(name))
  } finally {
    await client.end()
  }
}
