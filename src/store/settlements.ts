import type { ClientBase } from 'pg'
import type { Market } from '../domain/market.ts'
import type { ResolvedRow } from '../normalizer/batch.ts'
import { lockAllWallets } from './position-rows.ts'

export const SETTLE = `
update positions p set payout = o.payout, updated_at = now()
from outcomes o where o.market_id = any($1) and p.outcome_id = o.outcome_id and p.payout is distinct from o.payout`

/**
 * Settles the positions of markets whose payouts may have become known in this transaction. A settlement is no move: it
 * is laid over the figures of the moves, so that fills which come after it, or are told late, still find their place.
 */
export const settlePositions = async (
  client: ClientBase,
  markets: Market[],
  resolved: ResolvedRow[],
): Promise<void> => {
  const paid = markets.filter(({ resolution }) => resolution !== undefined)
  const marketIds = [...paid, ...resolved].map(({ marketId }) => marketId)
  if (marketIds.length === 0) return
  await lockAllWallets(client)
  await client.query(SETTLE, [marketIds])
}
