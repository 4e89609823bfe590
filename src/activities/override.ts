import { activityInfo, ApplicationFailure } from '@temporalio/activity'
import type pg from 'pg'
import type { DesiredState } from '../domain/market.ts'

/** `isPublished`: its row is under way to Postgres. */
type Override = { marketId: string; state: DesiredState; isPublished: boolean }

/** A stop ends the workflow: it does not wait longer for a row that may never come. */
const STOP_WAITS_MS = 60_000

export type OverrideActivities = ReturnType<typeof createOverrideActivities>

export const createOverrideActivities = ({ pool }: { pool: pg.Pool }) => ({
  /**
   * Remembers what an operator did by hand, for discovery. The normalizer writes the row; until then this is retried.
   *
   * @throws ApplicationFailure `NoSuchRow`; of a stop for good after a minute, or at once where no row is to come.
   */
  recordOverride: async ({ marketId, state, isPublished }: Override): Promise<void> => {
    const override = state === 'active' ? null : state
    const { rowCount } = await pool.query(`update markets set subscription_override = $2 where market_id = $1`, [
      marketId,
      override,
    ])
    if (rowCount === 0 && override !== null) {
      const isLate = !isPublished || Date.now() - activityInfo().scheduledTimestampMs > STOP_WAITS_MS
      const message = `market ${marketId} is not in table markets yet`
      throw ApplicationFailure.create({ message, type: 'NoSuchRow', nonRetryable: state === 'stopped' && isLate })
    }
  },
})
