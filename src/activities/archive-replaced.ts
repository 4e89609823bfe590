import { forgetObject, readReplaced, readReplacedDays } from '../store/archive-objects.ts'
import { withDayLocked, type Day, type DayLock } from '../store/day-lock.ts'
import type { ArchiveDeps } from './archive-deps.ts'

/** Objects of a day that nobody reads any more. Each stays written down until it is gone. */
export const removeReplaced = async (
  { pool, store }: Pick<ArchiveDeps, 'pool' | 'store'>,
  day: Day,
  check: DayLock['check'],
): Promise<void> => {
  for (const key of await readReplaced(pool, day)) {
    await check()
    await store.remove(key)
    await forgetObject(pool, key)
  }
}

/** What a crash has left of that. What cannot be removed, or is of a day that somebody is at, waits for the next run. */
export const removeLeftovers = async (deps: Pick<ArchiveDeps, 'pool' | 'store' | 'log'>): Promise<void> => {
  for (const day of await readReplacedDays(deps.pool)) {
    try {
      await withDayLocked(deps.pool, day, ({ check }) => removeReplaced(deps, day, check))
    } catch (error) {
      deps.log.warn({ ...day, error }, 'an object that nobody reads any more could not be removed')
    }
  }
}
