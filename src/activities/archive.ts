import { ARCHIVED_TABLES } from '../archive/tables.ts'
import { readDroppable, readUnproved } from '../store/archive-due.ts'
import { assignLater, sealPart, type PartName } from '../store/archives.ts'
import { endTrouble, raiseTrouble, type Trouble } from './archive-alerts.ts'
import { createBacklog } from './archive-backlog.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { tableOf, withDay } from './archive-parts.ts'
import type { Written } from './archive-read-back.ts'
import { removeLeftovers } from './archive-replaced.ts'
import {
  dropPart,
  provePart,
  writePart,
  type Prove,
  type DropVerdict,
  type Verdict,
  type Write,
} from './archive-steps.ts'
import { forgetWork } from './archive-write.ts'

const PLAN_LIMIT = 31
/** Uploads that no run came back to. */
const STALE_MS = 7 * 86_400_000

export type ArchiveStep = PartName & { type: 'write' | 'drop' }

export type ArchiveActivities = ReturnType<typeof createArchiveActivities>

export const createArchiveActivities = (deps: ArchiveDeps) => {
  const { pool, store, folder, afterDays, graceHours, log, stats } = deps
  stats.follow(createBacklog(deps))

  return {
    /** What is to be done now: days up to the one that is `ARCHIVE_AFTER_DAYS` before the instant, or only the day given. */
    planArchive: async ({ at, day }: { at: string; day: string | undefined }): Promise<ArchiveStep[]> => {
      const upTo = day ?? new Date(Date.parse(at) - afterDays * 86_400_000).toISOString().slice(0, 10)
      await forgetWork(folder, Date.now())
      await removeLeftovers(deps)
      const steps: ArchiveStep[] = []
      for (const { name: table, later, instant } of ARCHIVED_TABLES) {
        const due = { table, later, instant, upTo, only: day, limit: PLAN_LIMIT }
        for (const name of await readUnproved(pool, due)) steps.push({ ...name, type: 'write' })
        for (const name of await readDroppable(pool, due, graceHours)) steps.push({ ...name, type: 'drop' })
        await store.abortStale(`table=${table}/`, STALE_MS)
      }
      return steps
    },

    /** From now on the rows of the part stay as they are, also where others prove it. Answers the seal; null for rows that came later. */
    sealRows: async (name: PartName): Promise<string | null> => {
      if (name.part === 0) return sealPart(pool, name)
      await withDay(pool, name, () => assignLater(pool, name, tableOf(name.table)))
      return null
    },

    writePart: (given: Write): Promise<Written> => writePart(deps, given),

    provePart: (given: Prove): Promise<Verdict> => provePart(deps, given),

    dropPart: (name: PartName): Promise<DropVerdict> => dropPart(deps, name),

    raiseArchiveAlert: (trouble: Trouble): Promise<void> => {
      stats.count('archiveFailures')
      log.error({ ...trouble }, 'a part could not be archived; nothing of it was dropped')
      return raiseTrouble(pool, trouble)
    },

    endArchiveAlert: (name: PartName): Promise<void> => endTrouble(pool, name),
  }
}
