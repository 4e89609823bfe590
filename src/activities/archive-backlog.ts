import { ARCHIVED_TABLES } from '../archive/tables.ts'
import { readUnproved } from '../store/archive-due.ts'
import type { ArchiveDeps } from './archive-deps.ts'

/** Days change once a day; whoever scrapes asks every few seconds. */
const KEPT_MS = 60_000
const DAY_MS = 86_400_000
/** More is years of neglect, and the figure is long past what anybody waits for. */
const MOST_PARTS = 1_000

const countDays = async ({ pool, afterDays }: ArchiveDeps): Promise<number> => {
  const upTo = new Date(Date.now() - afterDays * DAY_MS).toISOString().slice(0, 10)
  const parts = ARCHIVED_TABLES.map(({ name: table, later, instant }) =>
    readUnproved(pool, { table, later, instant, upTo, only: undefined, limit: MOST_PARTS }),
  )
  return new Set((await Promise.all(parts)).flat().map(({ day }) => day)).size
}

/** How many days wait to be archived. */
export const createBacklog = (deps: ArchiveDeps) => {
  let kept: { days: number; timeMs: number } | undefined
  return async (): Promise<[string, number][]> => {
    if (kept === undefined || Date.now() - kept.timeMs > KEPT_MS) {
      kept = { days: await countDays(deps), timeMs: Date.now() }
    }
    return [['archiveBacklogDays', kept.days]]
  }
}
