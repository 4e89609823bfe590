import type { ClientBase, Pool } from 'pg'
import { fromScaled, toScaled } from '../domain/decimal.ts'
import type { Position, PositionState } from '../domain/position.ts'
import { toJson } from './json.ts'
import type { PositionId } from './position-moves.ts'
import { createScript, type StatementTarget } from './script.ts'

/** A position as it is stored. `payout`: text, undefined while the outcome is not settled. */
export type StoredPosition = PositionId & Position & { payout: string | undefined }

/** Bounds the locks of a transaction, however many wallets it has. */
const LOCKS = 64
const LOCK_CLASS = 7_620_013

const LOCK = `
select count(pg_advisory_xact_lock(${LOCK_CLASS}, bucket)) from (
  select distinct hashtext(wallet) & ${LOCKS - 1} as bucket from jsonb_array_elements_text($1::jsonb) as wallet order by 1) b`

const LOCK_ALL = `
select count(pg_advisory_xact_lock(${LOCK_CLASS}, bucket)) from (select generate_series(0, ${LOCKS - 1}) as bucket) b`

/**
 * Whoever folds positions, or settles them, has the wallets to himself until its transaction ends: what is read is
 * what is written. Always in one order, and once a transaction, so that two cannot wait for each other. What is to be read
 * under the lock is read by a later statement, which sees what the one before has committed.
 */
export const lockWallets = async (client: ClientBase, wallets: string[]): Promise<void> => {
  await client.query(LOCK, [toJson(wallets)])
}

export const lockAllWallets = async (client: ClientBase): Promise<void> => {
  await client.query(LOCK_ALL)
}

/** Decimals as texts: JSON numbers would be floats. */
type StateRecord = {
  second: string
  moves: string
  held: string
  cost: string
  trading_pnl: string
  unseen_qty: string
  unseen_proceeds: string
}
type PositionRecord = StateRecord & {
  wallet: string
  outcome_id: string
  payout: string | null
  base: StateRecord | null
  next_base: StateRecord | null
}

const SHARE_PLACES = 6
const MONEY_PLACES = 12

const toState = (record: StateRecord): PositionState => ({
  second: Number(record.second),
  held: toScaled(record.held, SHARE_PLACES),
  cost: toScaled(record.cost, MONEY_PLACES),
  tradingPnl: toScaled(record.trading_pnl, MONEY_PLACES),
  unseen: toScaled(record.unseen_qty, SHARE_PLACES),
  unseenProceeds: toScaled(record.unseen_proceeds, MONEY_PLACES),
  moves: Number(record.moves),
})

/** As they are stored, but for `second`, which is `last_move_at`. */
export const toRecord = (state: PositionState): StateRecord => ({
  second: String(state.second),
  moves: String(state.moves),
  held: fromScaled(state.held, SHARE_PLACES),
  cost: fromScaled(state.cost, MONEY_PLACES),
  trading_pnl: fromScaled(state.tradingPnl, MONEY_PLACES),
  unseen_qty: fromScaled(state.unseen, SHARE_PLACES),
  unseen_proceeds: fromScaled(state.unseenProceeds, MONEY_PLACES),
})

const SELECT = `select p.user_id as wallet, p.outcome_id, trim_scale(p.payout)::text as payout, p.base, p.next_base, p.moves, p.held, p.cost,
  p.trading_pnl, p.unseen_qty, p.unseen_proceeds, extract(epoch from p.last_move_at)::bigint as second from positions p`

const READ = `${SELECT} join jsonb_to_recordset($1::jsonb) as g(wallet text, outcome_id text)
  on p.user_id = g.wallet and p.outcome_id = g.outcome_id`

const READ_WALLETS = `${SELECT} where p.user_id = any($1)`

const toStored = (row: PositionRecord): StoredPosition => ({
  wallet: row.wallet,
  outcomeId: row.outcome_id,
  payout: row.payout ?? undefined,
  state: toState(row),
  base: row.base === null ? undefined : toState(row.base),
  next: row.next_base === null ? undefined : toState(row.next_base),
})

/** Locks the wallets of these positions, and reads those that there are. */
export const lockPositions = async (client: ClientBase, positions: PositionId[]): Promise<StoredPosition[]> => {
  const given = positions.map(({ wallet, outcomeId }) => ({ wallet, outcome_id: outcomeId }))
  const script = createScript()
  let found: PositionRecord[] = []
  await script.query(LOCK, [toJson(positions.map(({ wallet }) => wallet))])
  script.ask(READ, [toJson(given)], (rows) => (found = rows as PositionRecord[]))
  await script.send(client)
  return found.map(toStored)
}

export const readPositionsOf = async (client: ClientBase, wallets: string[]): Promise<StoredPosition[]> =>
  (await client.query<PositionRecord>(READ_WALLETS, [wallets])).rows.map(toStored)

const UPSERT = `
insert into positions (user_id, outcome_id, held, cost, trading_pnl, unseen_qty, unseen_proceeds, moves, last_move_at, base,
  next_base, payout, updated_at)
select n.wallet, n.outcome_id, n.held, n.cost, n.trading_pnl, n.unseen_qty, n.unseen_proceeds, n.moves, to_timestamp(n.second),
  n.base, n.next_base, o.payout, now()
from jsonb_to_recordset($1::jsonb) as n(wallet text, outcome_id text, held numeric, cost numeric, trading_pnl numeric,
  unseen_qty numeric, unseen_proceeds numeric, moves bigint, second bigint, base jsonb, next_base jsonb)
join outcomes o using (outcome_id)
order by n.wallet, n.outcome_id
on conflict (user_id, outcome_id) do update set held = excluded.held, cost = excluded.cost,
  trading_pnl = excluded.trading_pnl, unseen_qty = excluded.unseen_qty, unseen_proceeds = excluded.unseen_proceeds,
  moves = excluded.moves, last_move_at = excluded.last_move_at, base = excluded.base, next_base = excluded.next_base, payout = excluded.payout,
  updated_at = excluded.updated_at`

/** Writes the figures; a position whose outcome's payout is known is settled by that. */
export const upsertPositions = async (target: StatementTarget, positions: (PositionId & Position)[]): Promise<void> => {
  if (positions.length === 0) return
  const rows = positions.map(({ wallet, outcomeId, state, base, next }) => ({
    wallet,
    outcome_id: outcomeId,
    ...toRecord(state),
    base: base === undefined ? null : toRecord(base),
    next_base: next === undefined ? null : toRecord(next),
  }))
  await target.query(UPSERT, [toJson(rows)])
}

const DELETE = `
delete from positions p using jsonb_to_recordset($1::jsonb) as g(wallet text, outcome_id text)
where p.user_id = g.wallet and p.outcome_id = g.outcome_id`

export const deletePositions = async (client: ClientBase, positions: PositionId[]): Promise<void> => {
  if (positions.length === 0) return
  await client.query(DELETE, [toJson(positions.map(({ wallet, outcomeId }) => ({ wallet, outcome_id: outcomeId })))])
}

/** Positions of wallets that are tracked no more: they would stay as they are, and be wrong when they are tracked again. */
export const forgetUntracked = async (pool: Pool, tracked: string[]): Promise<void> => {
  if (tracked.length > 0) await pool.query('delete from positions where user_id <> all($1)', [tracked])
}
