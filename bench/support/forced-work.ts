import { setTimeout as sleep } from 'node:timers/promises'
import type { System } from '../../test/support/system.ts'
import { expectDone, runTemporal } from '../../test/support/temporal-command.ts'
import { fillBookDay } from './book-day.ts'

const DAY_MS = 86_400_000
/** Older than ARCHIVE_AFTER_DAYS; each round has a day of its own. */
const FIRST_DAYS_AGO = 40
const MARKETS = 200
const SCHEDULES = ['refreshCatalog', 'maintainPartitions', 'archivePartitions'] as const

const dayOf = (round: number): string =>
  new Date(Date.now() - (FIRST_DAYS_AGO + round) * DAY_MS).toISOString().slice(0, 10)

/** An old day comes to be there, and what runs hourly or daily runs now. */
export const forceWork = async (system: System, round: number, rows: number): Promise<void> => {
  const pool = system.pool()
  await fillBookDay(pool, dayOf(round), rows, MARKETS)
  await pool.end()
  for (const id of SCHEDULES) expectDone(await runTemporal(system, 'schedule', 'trigger', '--schedule-id', id))
}

const countRuns = async (system: System, type: string, status: string): Promise<number> => {
  const query = `WorkflowType='${type}' and ExecutionStatus='${status}'`
  const { text } = await runTemporal(system, 'workflow', 'count', '--query', query)
  return Number(/\d+/.exec(text)?.[0] ?? 0)
}

export type WorkDone = { archivedDays: number; completed: Record<string, number>; failed: Record<string, number> }

const BAD = ['Failed', 'TimedOut', 'Terminated'] as const
const LONGEST_MS = 120_000

/** What came of it, once nothing of it runs any more. */
export const readWork = async (system: System): Promise<WorkDone> => {
  const endMs = Date.now() + LONGEST_MS
  while ((await countRuns(system, 'archivePartitions', 'Running')) > 0 && Date.now() < endMs) await sleep(1_000)
  const done: WorkDone = { archivedDays: 0, completed: {}, failed: {} }
  for (const type of SCHEDULES) {
    done.completed[type] = await countRuns(system, type, 'Completed')
    const bad = await Promise.all(BAD.map((status) => countRuns(system, type, status)))
    done.failed[type] = bad.reduce((sum, count) => sum + count, 0)
  }
  const { rows } = await system
    .pool()
    .query<{ days: number }>('select count(distinct day)::int as days from archives where proved_at is not null')
  return { ...done, archivedDays: rows[0]?.days ?? 0 }
}
