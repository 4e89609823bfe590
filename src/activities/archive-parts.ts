import { readManifest, type Manifest } from '../archive/manifest.ts'
import { ARCHIVED_TABLES, type ArchivedTable } from '../archive/tables.ts'
import type { PartName } from '../store/archives.ts'
import { withDayLocked, type DayLock } from '../store/day-lock.ts'
import { withBeat, type Progress } from './archive-beat.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { toFailure } from './archive-failures.ts'

export const tableOf = (name: string): ArchivedTable => {
  const table = ARCHIVED_TABLES.find((one) => one.name === name)
  if (table === undefined) throw new Error(`expected a table that is archived, got ${name}`)
  return table
}

/** @throws Error where there is none: the step that wrote it comes first. */
export const manifestOf = async ({ pool }: ArchiveDeps, { table, day, part }: PartName): Promise<Manifest> => {
  const at = `${day}T00:00:00Z`
  const found = (await readManifest(pool, { table, from: at, to: at })).find((one) => one.part === part)
  if (found === undefined) throw new Error(`expected part ${part} of ${table} of ${day} to be proved, it is not`)
  return found
}

/** What a step is lent while nobody else is at its day. */
export type Turn = { show: (progress: Progress) => void; check: DayLock['check'] }

/**
 * With heartbeats, and nobody else at the same day: two runs at one part would write the same files, and a part that is
 * dropped while its day is restored would be in neither.
 */
export const exclusively = <T>(
  { pool }: Pick<ArchiveDeps, 'pool'>,
  { table, day }: Pick<PartName, 'table' | 'day'>,
  run: (turn: Turn, signal: AbortSignal) => Promise<T>,
): Promise<T> =>
  withBeat(async (show, signal) => {
    const locked = await withDayLocked(pool, { table, day }, async ({ check, signal: lost }) => ({
      result: await run({ show, check }, AbortSignal.any([signal, lost])),
    }))
    if (locked === undefined) throw new Error(`another run is at ${table} of ${day}`)
    return locked.result
  }).catch((error: unknown) => {
    throw toFailure(error)
  })
