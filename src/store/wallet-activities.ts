import type { ClientBase } from 'pg'
import type { DataActivity } from '../domain/trade.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import { ACTIVITY_MOVES, CONCERNED, toWalletMove, type MoveRecord, type WalletMove } from './position-moves.ts'

export type ActivityRow = DataActivity & { capturedTimeMs: number }

/** What a market's activity needs of it is in its row: those of unknown markets are left out, and found before. */
const INSERT = `
with given as (
  select * from jsonb_to_recordset($1::jsonb) as g(wallet text, type text, condition_id text, outcome_index int, size numeric(24, 6),
    usdc numeric(24, 6), tx_hash text, ordinal int, source_ts timestamptz, captured_at timestamptz)
), a as (
  insert into wallet_activities (wallet, market_id, type, condition_id, outcome_index, size, usdc, tx_hash, ordinal, source_ts,
    captured_at)
  select g.wallet, m.market_id, g.type, g.condition_id, g.outcome_index, g.size, g.usdc, g.tx_hash, g.ordinal, g.source_ts,
    g.captured_at
  from given g left join lateral (
    select market_id from markets m where m.condition_id = g.condition_id order by market_id limit 1) m on true
  where m.market_id is not null or g.type = 'conversion'
  on conflict do nothing
  returning *
)
${ACTIVITY_MOVES} from a join outcomes o on ${CONCERNED}`

/** Stores activities, each once. Returns the moves of those that are new. */
export const insertActivities = async (client: ClientBase, activities: ActivityRow[]): Promise<WalletMove[]> => {
  if (activities.length === 0) return []
  const rows = activities.map((one) => ({
    wallet: one.wallet,
    type: one.type,
    condition_id: one.conditionId,
    outcome_index: one.outcomeIndex ?? null,
    size: one.sizeText,
    usdc: one.usdcText,
    tx_hash: one.transactionHash,
    ordinal: one.ordinal,
    source_ts: instant(one.exchangeTimeMs),
    captured_at: instant(one.capturedTimeMs),
  }))
  const result = await client.query<MoveRecord>(INSERT, [toJson(rows)])
  return result.rows.map(toWalletMove)
}
