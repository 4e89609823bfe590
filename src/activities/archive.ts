import { rm } from 'node:fs/promises'
import { postgresTotals } from '../archive/checksum.ts'
import { duckdbVersion } from '../archive/duckdb.ts'
import type { Manifest } from '../archive/manifest.ts'
import { ARCHIVED_TABLES } from '../archive/tables.ts'
import { readDroppable, readUnproved } from '../store/archive-due.ts'
import {
  assignLater,
  deleteProved,
  dropProved,
  recordProof,
  rowSource,
  sealPart,
  type PartName,
} from '../store/archives.ts'
import { endTrouble, raiseTrouble, type Trouble } from './archive-alerts.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { exclusively, manifestOf, tableOf, textOf } from './archive-parts.ts'
import { compareObject, recheckObject, type Written } from './archive-prove.ts'
import { folderOf, forgetWork, writeObject } from './archive-write.ts'

const PLAN_LIMIT = 31
/** Uploads that no run came back to. */
const STALE_MS = 7 * 86_400_000
/** Of the object and of the checksum: whoever changes either raises it. */
const FORMAT = '1'

export type ArchiveStep = PartName & { type: 'write' | 'drop' }
/** `detail`: what differs, in words. */
export type Verdict = { type: 'done' } | { type: 'differs'; detail: string }

export type ArchiveActivities = ReturnType<typeof createArchiveActivities>

export const createArchiveActivities = (deps: ArchiveDeps) => {
  const { pool, store, folder, afterDays, graceHours, log, stats } = deps

  const prove = async (name: PartName, written: Written, sealedAt: string | null): Promise<Verdict> =>
    exclusively(deps, textOf(name), async (show, signal) => {
      const table = tableOf(name.table)
      const compared = await compareObject({ ...deps, table, name, show }, written, signal)
      if (compared.type === 'differs') return compared
      const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version') as version`)
      const versions = { format: FORMAT, duckdb: duckdbVersion(), postgres: rows[0]?.version ?? '' }
      const replaced = await recordProof(pool, name, { ...written, totals: compared.totals, versions, sealedAt })
      if (replaced === undefined) return { type: 'differs', detail: 'the day was unsealed or dropped meanwhile' }
      for (const key of replaced) await store.remove(key)
      await rm(folderOf(folder, name), { recursive: true, force: true })
      stats.count('archivedRows', Number(compared.totals.rows))
      log.info({ ...name, ...written, rows: compared.totals.rows }, 'a part was archived and proved')
      return { type: 'done' }
    })

  const dropRows = async (name: PartName, { sha256, rows, checksum }: Manifest): Promise<boolean> => {
    if (name.part === 0) return dropProved(pool, name, sha256)
    const table = tableOf(name.table)
    const source = await rowSource(pool, name, table)
    return deleteProved(pool, name, { source, totals: postgresTotals(table), sha256, rows: String(rows), checksum })
  }

  return {
    /** What is to be done now: days up to the one that is `ARCHIVE_AFTER_DAYS` before the instant, or only the day given. */
    planArchive: async ({ at, day }: { at: string; day: string | undefined }): Promise<ArchiveStep[]> => {
      const upTo = day ?? new Date(Date.parse(at) - afterDays * 86_400_000).toISOString().slice(0, 10)
      await forgetWork(folder, Date.now())
      const steps: ArchiveStep[] = []
      for (const { name: table, later, instant } of ARCHIVED_TABLES) {
        const due = { table, later, instant, upTo, only: day, limit: PLAN_LIMIT }
        for (const name of await readUnproved(pool, due)) steps.push({ ...name, type: 'write' })
        for (const name of await readDroppable(pool, due, graceHours)) steps.push({ ...name, type: 'drop' })
        await store.abortStale(`table=${table}/`, STALE_MS)
      }
      return steps
    },

    /** From now on the rows of the part stay as they are. Answers the seal; null for rows that came later. */
    sealRows: async (name: PartName): Promise<string | null> => {
      if (name.part === 0) return sealPart(pool, name)
      await assignLater(pool, name, tableOf(name.table))
      return null
    },

    /** `isAnew`: what an earlier try left is not to be trusted. */
    writePart: ({
      name,
      sealedAt,
      isAnew,
    }: {
      name: PartName
      sealedAt: string | null
      isAnew: boolean
    }): Promise<Written> =>
      exclusively(deps, textOf(name), async (show, signal) => {
        if (isAnew) await rm(folderOf(folder, name), { recursive: true, force: true })
        const work = { ...deps, table: tableOf(name.table), name, show }
        return writeObject(work, sealedAt ?? 'later', signal)
      }),

    /** Reads the object back, compares it with Postgres and writes the manifest where they are equal. */
    provePart: ({ name, written, sealedAt }: { name: PartName; written: Written; sealedAt: string | null }) =>
      prove(name, written, sealedAt),

    /** Reads the object once more; only where it is what was proved are the rows dropped in Postgres. */
    dropPart: (name: PartName): Promise<Verdict> =>
      exclusively(deps, textOf(name), async (show, signal) => {
        const manifest = await manifestOf(deps, name)
        if (manifest.isDropped) return { type: 'done' }
        const detail = await recheckObject({ ...deps, name, show }, manifest, signal)
        if (detail !== undefined) return { type: 'differs', detail }
        if (!(await dropRows(name, manifest))) return { type: 'differs', detail: 'its rows changed since the proof' }
        await rm(folderOf(folder, name), { recursive: true, force: true })
        log.info({ ...name, rows: manifest.rows }, 'a part was dropped in Postgres: it is in the archive')
        return { type: 'done' }
      }),

    raiseArchiveAlert: (trouble: Trouble): Promise<void> => {
      stats.count('archiveFailures')
      log.error({ ...trouble }, 'a part could not be archived; nothing of it was dropped')
      return raiseTrouble(pool, trouble)
    },

    endArchiveAlert: (name: PartName): Promise<void> => endTrouble(pool, name),
  }
}
