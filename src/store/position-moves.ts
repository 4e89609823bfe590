import type { ClientBase } from 'pg'
import { activityMove, fillMove, type Move } from '../domain/position.ts'
import { toJson } from './json.ts'

export type PositionId = { wallet: string; outcomeId: string }

/** A move, and whose. */
export type WalletMove = PositionId & { move: Move }

/** A position of which the moves after a second are wanted; -1: all. */
export type WantedMoves = PositionId & { afterSecond: number }

/** A row of a fill `f`, or of an activity `a` and an outcome `o` that it concerns. */
const FILL = `f.wallet, f.outcome_id, f.side as type, trim_scale(f.size)::text as size,
  trim_scale(f.price)::text as price, null as usdc, 1 as outcome_count, floor(extract(epoch from f.data_api_ts))::float8 as second`
const ACTIVITY = `a.wallet, o.outcome_id, a.type, trim_scale(a.size)::text as size,
  null as price, trim_scale(a.usdc)::text as usdc,
  (select count(*)::int from outcomes n where n.market_id = a.market_id) as outcome_count,
  floor(extract(epoch from a.source_ts))::float8 as second`

/**
 * A split or a merge concerns each outcome of its market. A redemption, which the market's resolution has paid already, and
 * a conversion, concern none: see the comments on `wallet_activities`.
 */
export const CONCERNED = `o.market_id = a.market_id and a.type in ('split', 'merge')`

/** To be selected from activities `a` joined with `outcomes o` on CONCERNED. */
export const ACTIVITY_MOVES = `select ${ACTIVITY}`

export type MoveRecord = { wallet: string; outcome_id: string; size: string; second: number } & (
  | { type: 'buy' | 'sell'; price: string }
  | { type: 'split' | 'merge'; usdc: string; outcome_count: number }
)

const toMove = (row: MoveRecord): Move => {
  const { size: sizeText, second } = row
  switch (row.type) {
    case 'buy':
    case 'sell':
      return fillMove({ side: row.type, priceText: row.price, sizeText, second })
    case 'split':
    case 'merge':
      return activityMove({ type: row.type, sizeText, usdcText: row.usdc, outcomeCount: row.outcome_count, second })
  }
}

export const toWalletMove = (row: MoveRecord): WalletMove => ({
  wallet: row.wallet,
  outcomeId: row.outcome_id,
  move: toMove(row),
})

/** Seconds are whole: no page ends within one, since the order within it is decided over all of it. */
const READ = `
with given as (
  select g.wallet, g.outcome_id, o.market_id, to_timestamp(g.after_second + 1) as since
  from jsonb_to_recordset($1::jsonb) as g(wallet text, outcome_id text, after_second bigint)
  join outcomes o using (outcome_id)
)
select m.* from given g cross join lateral (
  select * from (
    (select ${FILL} from fills f
     where f.wallet = g.wallet and f.outcome_id = g.outcome_id and f.data_api_ts >= g.since
     order by f.data_api_ts fetch first ($2::bigint) rows with ties)
    union all
    (${ACTIVITY_MOVES} from wallet_activities a join outcomes o on o.outcome_id = g.outcome_id and ${CONCERNED}
     where a.wallet = g.wallet and a.market_id = g.market_id and a.source_ts >= g.since
     order by a.source_ts fetch first ($2::bigint) rows with ties)
  ) both_kinds order by second fetch first ($2::bigint) rows with ties
) m`

/**
 * What is stored of the positions, those of the transaction itself included: of each the earliest so many, and what is of
 * the second of the last of them. Fewer are all.
 */
export const readMoves = async (client: ClientBase, wanted: WantedMoves[], mostEach: number): Promise<WalletMove[]> => {
  const given = wanted.map((one) => ({
    wallet: one.wallet,
    outcome_id: one.outcomeId,
    after_second: one.afterSecond,
  }))
  const { rows } = await client.query<MoveRecord>(READ, [toJson(given), mostEach])
  return rows.map(toWalletMove)
}

export const positionKey = ({ wallet, outcomeId }: PositionId): string => `${wallet} ${outcomeId}`

/** Moves by the position that they concern. */
export const byPosition = (moves: WalletMove[]): Map<string, PositionId & { moves: Move[] }> => {
  const found = new Map<string, PositionId & { moves: Move[] }>()
  for (const { wallet, outcomeId, move } of moves) {
    const key = positionKey({ wallet, outcomeId })
    const known = found.get(key)
    if (known === undefined) found.set(key, { wallet, outcomeId, moves: [move] })
    else known.moves.push(move)
  }
  return found
}
