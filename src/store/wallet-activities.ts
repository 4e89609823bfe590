import type { ClientBase } from 'pg'
import type { ActivityRow } from '../normalizer/activity-row.ts'
import { instant } from './instant.ts'
import { toJson } from './json.ts'
import { ACTIVITY_MOVES, CONCERNED, toWalletMove, type MoveRecord, type WalletMove } from './position-moves.ts'

const INSERT = `
with a as (
  insert into wallet_activities (wallet, market_id, type, condition_id, outcome_index, size, usdc, tx_hash, ordinal, source_ts,
    captured_at)
  select * from jsonb_to_recordset($1::jsonb) as g(wallet text, market_id text, type text, condition_id text, outcome_index int,
    size numeric, usdc numeric, tx_hash text, ordinal int, source_ts timestamptz, captured_at timestamptz)
  on conflict do nothing
  returning *
), told as (
  insert into liquidity_events (market_id, type, amount, observed_at, source, identity, detail)
  select market_id, type, size, captured_at, 'data_api', concat_ws(':', tx_hash, wallet, trim_scale(size), trim_scale(usdc), coalesce(outcome_index::text, '-'), ordinal),
    jsonb_build_object('wallet', wallet, 'transaction_hash', tx_hash, 'source_ts', source_ts)
  from a where type in ('split', 'merge')
  on conflict do nothing
)
${ACTIVITY_MOVES} from a join outcomes o on ${CONCERNED}`

/** Stores activities, each once, and of those that are new the splits and merges as liquidity events. Returns their moves. */
export const insertActivities = async (client: ClientBase, activities: ActivityRow[]): Promise<WalletMove[]> => {
  if (activities.length === 0) return []
  const rows = activities.map(({ activity, capturedTimeMs, marketId }) => ({
    wallet: activity.wallet,
    market_id: marketId ?? null,
    type: activity.type,
    condition_id: activity.conditionId,
    outcome_index: activity.outcomeIndex ?? null,
    size: activity.sizeText,
    usdc: activity.usdcText,
    tx_hash: activity.transactionHash,
    ordinal: activity.ordinal,
    source_ts: instant(activity.exchangeTimeMs),
    captured_at: instant(capturedTimeMs),
  }))
  const result = await client.query<MoveRecord>(INSERT, [toJson(rows)])
  return result.rows.map(toWalletMove)
}
