import { defineConfig } from 'vitest/config'

/** Against hanging only: what a test waits for has a bound of its own. */
const HANGS_MS = 600_000

const withServers = {
  globalSetup: ['test/support/services-setup.ts'],
  pool: 'forks' as const,
  isolate: false,
  testTimeout: HANGS_MS,
  hookTimeout: HANGS_MS,
}

/**
 * Groups run one after the other. Every file has servers and databases of its own, so that two of those that mostly wait run
 * beside each other; what runs the whole product has the two cores for itself.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          isolate: false,
          testTimeout: 240_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'workflows',
          include: ['test/workflows/**/*.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...withServers,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          ...withServers,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          ...withServers,
        },
      },
    ],
  },
})
