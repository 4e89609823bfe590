import { readManifest, type Manifest } from '../archive/manifest.ts'
import { ARCHIVED_TABLES, type ArchivedTable } from '../archive/tables.ts'
import type { PartName } from '../store/archives.ts'
import { withDayLocked, type Day, type DayLock } from '../store/day-lock.ts'
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

/** @throws Error where another run is at the day: it is tried again. */
export const withDay = async <T>(
  pool: ArchiveDeps['pool'],
  { table, day }: Day,
  run: (lock: DayLock) => Promise<T>,
): Promise<T> => {
  const locked = await withDayLocked(pool, { table, day }, async (lock) => ({ result: await run(lock) }))
  if (locked === undefined) throw new Error(`another run is at ${table} of ${day}`)
  return locked.result
}

/**
 * With heartbeats, and nobody else at the same day: two runs at one part would write the same files, and a part that is
 * dropped while its day is restored would be in neither.
 */
export const exclusively = <T>(
  { pool }: Pick<ArchiveDeps, 'pool'>,
  day: Day,
  run: (turn: Turn, signal: AbortSignal) => Promise<T>,
): Promise<T> =>
  withBeat((show, signal) =>
    withDay(pool, day, ({ check, signal: lost }) => run({ show, check }, AbortSignal.any([signal, lost]))),
  ).catch((error: unknown) => {
    throw toFailure(error)
  })
