import { ApplicationFailure } from '@temporalio/activity'
import type pg from 'pg'
import type { DesiredState } from '../domain/market.ts'

export type OverrideActivities = ReturnType<typeof createOverrideActivities>

export const createOverrideActivities = ({ pool }: { pool: pg.Pool }) => ({
  /** Remembers what an operator did by hand, for discovery. The normalizer writes the row; until then this is retried. */
  recordOverride: async ({ marketId, state }: { marketId: string; state: DesiredState }): Promise<void> => {
    const override = state === 'active' ? null : state
    const { rowCount } = await pool.query(`update markets set subscription_override = $2 where market_id = $1`, [
      marketId,
      override,
    ])
    if (rowCount === 0 && override !== null) {
      throw ApplicationFailure.retryable(`market ${marketId} is not in table markets yet`, 'NoSuchRow')
    }
  },
})
