import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplicationFailure } from '@temporalio/common'
import pg from 'pg'
import { addTotals, differenceOf, NO_ROWS, type Totals } from '../archive/checksum.ts'
import { writtenColumns } from '../archive/chunk-text.ts'
import { readManifest, type Manifest } from '../archive/manifest.ts'
import { partLines } from '../archive/part-file.ts'
import type { ArchivedTable } from '../archive/tables.ts'
import { attachStaging, copyInto, dropStaging, openStaging } from '../store/archive-restore.ts'
import type { Progress } from './archive-beat.ts'
import { postgresSums } from './archive-chunks.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { exclusively, tableOf } from './archive-parts.ts'
import { readTotals } from '../archive/part-file.ts'

/** Rows of one transaction. */
const ROWS_PER_COPY = 50_000

const UNIQUE_VIOLATION = '23505'

type Day = { table: string; day: string }
export type Restored = { rows: number; parts: number }

type Load = { table: ArchivedTable; target: string; path: string; onRows: (count: number) => void }

const loadRows = async (deps: ArchiveDeps, { table, target, path, onRows }: Load, signal: AbortSignal) => {
  const { pool, memoryBytes, threads, folder } = deps
  const columns = writtenColumns(table)
  let lines: string[] = []
  const flush = async (): Promise<void> => {
    await copyInto(pool, { target, columns, lines })
    onRows(lines.length)
    lines = []
  }
  for await (const some of partLines({ table, path, room: { memoryBytes, threads, folder } }, signal)) {
    lines.push(...some)
    if (lines.length >= ROWS_PER_COPY) await flush()
  }
  await flush()
}

/** Rows that no try will bring into one table. */
const refuseDoubles = (error: unknown, key: string): unknown =>
  error instanceof pg.DatabaseError && error.code === UNIQUE_VIOLATION
    ? ApplicationFailure.nonRetryable(
        `${key} has rows that stand twice in the day: ${error.detail ?? ''}`,
        'archive_doubles',
      )
    : error

/** The object into the table; what the object says of its rows. */
const loadPart = async (
  deps: ArchiveDeps,
  { part, load }: { part: Manifest; load: Omit<Load, 'path'> },
  signal: AbortSignal,
): Promise<Totals> => {
  const { store, memoryBytes, threads, folder } = deps
  const path = join(folder, `restore-${part.table}-${part.day}-${part.part}.parquet`)
  try {
    const { sha256 } = await store.get(part.key, path, { signal })
    if (sha256 !== part.sha256) throw new Error(`expected ${part.key} to have SHA-256 ${part.sha256}, it has ${sha256}`)
    await loadRows(deps, { ...load, path }, signal)
    return await readTotals({ table: load.table, path, room: { memoryBytes, threads, folder } }, signal)
  } catch (error) {
    throw refuseDoubles(error, part.key)
  } finally {
    await rm(path, { force: true })
  }
}

const loadAll = async (
  deps: ArchiveDeps,
  { parts, day, show }: { parts: Manifest[]; day: Day; show: (progress: Progress) => void },
  signal: AbortSignal,
): Promise<Totals> => {
  const { pool } = deps
  const table = tableOf(day.table)
  await mkdir(deps.folder, { recursive: true })
  const target = await openStaging(pool, day, table.order)
  const all = parts.reduce((sum, { rows }) => sum + rows, 0)
  let done = 0
  const onRows = (count: number): void => {
    done += count
    show({ stage: 'writing rows', percent: Math.round((done / Math.max(all, 1)) * 100) })
  }
  let expected = NO_ROWS
  for (const part of parts) {
    expected = addTotals(expected, await loadPart(deps, { part, load: { table, target, onRows } }, signal))
  }
  const source = { relation: target, where: 'true' }
  const onProgress = (share: number): void => show({ stage: 'comparing', percent: Math.round(share * 100) })
  const found = await postgresSums({ pool, table, source, onProgress }, signal)
  const detail = differenceOf(found, expected)
  if (detail !== undefined) throw new Error(`expected ${target} to equal the archive: ${detail}`)
  return found
}

export type RestoreActivities = ReturnType<typeof createRestoreActivities>

export const createRestoreActivities = (deps: ArchiveDeps) => ({
  /**
   * Brings a dropped day back as a partition, with the rows that came later in it too, once all of them are found equal to
   * the archive. Where the day is in Postgres nothing happens.
   *
   * @throws Error on any difference: nothing was attached, and it is tried again from the beginning.
   */
  restoreDay: (day: Day): Promise<Restored> =>
    exclusively(deps, day, async ({ show, check }, signal) => {
      const { pool, log } = deps
      const at = `${day.day}T00:00:00Z`
      const found = await readManifest(pool, { table: day.table, from: at, to: at })
      const parts = found.filter(({ isDropped }) => isDropped)
      if (!parts.some(({ part }) => part === 0)) return { rows: 0, parts: 0 }
      try {
        const { rows } = await loadAll(deps, { parts, day, show }, signal)
        await check()
        await attachStaging(pool, day, parts)
        log.info({ ...day, rows, parts: parts.length }, 'a day was restored from the archive')
        return { rows: Number(rows), parts: parts.length }
      } catch (error) {
        await dropStaging(pool, day).catch(() => undefined)
        throw error
      }
    }),
})
