import { MockActivityEnvironment } from '@temporalio/testing'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { createArchiveActivities } from '../../src/activities/archive.ts'
import { createRestoreActivities } from '../../src/activities/archive-restore.ts'
import type { ObjectStore } from '../../src/archive/store/object-store.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

const TABLE = 'order_books'

/** The steps of the archive's workflow for one day, one at a time. */
export type ArchiveStage = {
  /** Seals, writes and proves what is not archived yet; the rows stay in Postgres too. How many parts. */
  archive: (day: string) => Promise<number>
  /** Drops in Postgres the rows of the parts that are proved, as far as one run does. How many parts. */
  drop: (day: string) => Promise<number>
  restore: (day: string) => Promise<number>
}

export const createArchiveStage = (pool: Pool, store: ObjectStore, folder: string): ArchiveStage => {
  const room = { folder: join(folder, 'archive-work'), memoryBytes: 200_000_000, threads: 1 }
  const times = { afterDays: 30, graceHours: 0 }
  const deps = { pool, store, ...room, ...times, log: createLog('test', 'error'), stats: createStats() }
  const activities = createArchiveActivities(deps)
  const { restoreDay } = createRestoreActivities(deps)
  const environment = new MockActivityEnvironment()
  const run = <T>(work: () => Promise<T>): Promise<T> => environment.run<[], T, () => Promise<T>>(work)
  const stepsOf = async (day: string, type: 'write' | 'drop') =>
    (await activities.planArchive({ at: `${day}T00:00:00Z`, day })).filter((step) => step.type === type)
  return {
    archive: async (day) => {
      const steps = await stepsOf(day, 'write')
      for (const { table, part } of steps) {
        const name = { table, day, part }
        const sealedAt = await activities.sealRows(name)
        const written = await run(() => activities.writePart({ name, sealedAt, isAnew: false }))
        const verdict = await run(() => activities.provePart({ name, written, sealedAt }))
        if (verdict.type === 'differs') throw new Error(verdict.detail)
      }
      return steps.length
    },
    drop: async (day) => {
      const steps = await stepsOf(day, 'drop')
      for (const { table, part } of steps) {
        const verdict = await run(() => activities.dropPart({ table, day, part }))
        if (verdict.type !== 'done') throw new Error(verdict.detail)
      }
      return steps.length
    },
    restore: async (day) => (await run(() => restoreDay({ table: TABLE, day }))).parts,
  }
}
