/**
 * One PostgreSQL for a whole test run (vitest's globalSetup): an embedded one, or the server SELVEDGE_TEST_URL names.
 *
 * The embedded one keeps its data in memory where there is room, syncs nothing, and ends with the run, even a killed one.
 */
import type { TestProject } from 'vitest/node'
import { memoryFolder } from '../../src/store/embedded.ts'
import { findServer } from '../../src/store/server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    testServer: { readonly url: string; readonly kind: string }
  }
}

/** Two workers, each with several databases open at ten connections. */
const settings = { max_connections: 200, shared_buffers: '64MB' }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.SELVEDGE_TEST_URL
  const runFolderIn = memoryFolder()
  const server = await findServer(given ? { url: given } : { settings, ...(runFolderIn ? { runFolderIn } : {}) })
  project.provide('testServer', { url: server.url, kind: server.kind })
  return () => server.stop()
}
