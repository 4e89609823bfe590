import { defineConfig } from 'vitest/config'

/** Against hanging only: what a test waits for has a bound of its own. */
const HANGS_MS = 600_000

/** Tests that start processes share two cores: one file at a time. Groups run one after the other. */
const withServers = {
  globalSetup: ['test/support/services-setup.ts'],
  fileParallelism: false,
  pool: 'forks' as const,
  testTimeout: HANGS_MS,
  hookTimeout: HANGS_MS,
}

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 240_000, sequence: { groupOrder: 0 } },
      },
      {
        test: {
          name: 'workflows',
          include: ['test/workflows/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          ...withServers,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          sequence: { groupOrder: 2 },
          ...withServers,
        },
      },
    ],
  },
})
