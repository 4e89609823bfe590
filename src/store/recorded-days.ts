import type { Pool } from 'pg'
import { dayText, ensureOne, isSealed, PARTITIONED_TABLES } from './partitions.ts'
import { isRetryable } from './retryable.ts'

/** UTC days (`YYYY-MM-DD`) whose rows of `order_books` go to `order_books_later`. */
export type SealedDays = ReadonlySet<string>

export type RecordedDays = {
  /** @throws Error where rows of these days could not be written now, and could be later. */
  ensure(epochDays: Iterable<number>): Promise<void>
  sealed: SealedDays
  /** What is known may be so no more: a day was sealed, or a partition dropped. */
  forget(): void
}

/**
 * Before rows of a day are written its partitions are there: also where nobody made them in time, since the machine slept
 * or the schedule is paused. Looked for once a day; of a sealed day each time, since it may be unsealed.
 */
export const createRecordedDays = (pool: Pool): RecordedDays => {
  const known = new Set<number>()
  const sealed = new Set<string>()

  /** Whether all are there. One that cannot be made costs the rows of its table (dead letters), never those of books. */
  const ensureTables = async (day: number): Promise<boolean> => {
    let isWhole = true
    for (const table of PARTITIONED_TABLES) {
      try {
        await ensureOne(pool, table, dayText(day))
      } catch (error) {
        if (table === 'order_books' || isRetryable(error)) throw error
        isWhole = false
      }
    }
    return isWhole
  }

  return {
    ensure: async (epochDays) => {
      for (const day of epochDays) {
        if (known.has(day)) continue
        const isWhole = await ensureTables(day)
        const isLate = await isSealed(pool, 'order_books', day)
        if (isLate) sealed.add(dayText(day))
        else sealed.delete(dayText(day))
        if (isWhole && !isLate) known.add(day)
      }
    },
    sealed,
    forget: () => {
      known.clear()
      sealed.clear()
    },
  }
}
