import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Tests import the package by its public name; this maps it to the sources, so that no build is needed first. */
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const alias = [
  { find: /^selvedge$/, replacement: here('./src/selvedge.ts') },
  { find: /^selvedge\/testing$/, replacement: here('./src/simulate/simulate.ts') },
  { find: /^selvedge\/(kysely|drizzle|typeorm|pg)$/, replacement: here('./src/store/borrow/$1.ts') },
  { find: /^selvedge\/([a-z-]+)$/, replacement: here('./src/$1/$1.ts') },
]

const shared = { resolve: { alias } }
/** A test that hangs ends; what must be quick says so itself, with a limit of its own. */
const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: ['**/*.pg.test.ts', '**/*.long.test.ts', 'dist/**', 'node_modules/**'],
          ...timeouts,
        },
      },
      {
        ...shared,
        test: {
          name: 'pg',
          include: ['{src,test,examples}/**/*.pg.test.ts'],
          globalSetup: ['test/support/server.ts'],
          maxWorkers: 2,
          ...timeouts,
        },
      },
      {
        ...shared,
        test: {
          name: 'long',
          include: ['{src,test,examples}/**/*.long.test.ts'],
          globalSetup: ['test/support/server.ts'],
          maxWorkers: 1,
          testTimeout: 600_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
