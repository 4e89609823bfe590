import type { ClientBase, Pool } from 'pg'
import { EMPTY_POSITION, EMPTY_STATE, foldMoves, type Position, type PositionState } from '../domain/position.ts'
import { withClient } from './checkout.ts'
import { foldStored } from './position-fold.ts'
import { CONCERNED, positionKey, type PositionId } from './position-moves.ts'
import {
  deletePositions,
  lockWallets,
  readPositionsOf,
  toRecord,
  upsertPositions,
  type StoredPosition,
} from './position-rows.ts'
import type { IsTracked } from './positions.ts'

/** What a position is to be, as all that is stored says. */
type Rebuilt = PositionId & Position & { payout: string | undefined; atBases: AtBases }

/** What all that is stored says of the seconds of a stored position's bases. */
type AtBases = Map<number, PositionState>

/** A figure that is not what all that is stored says. `none`: there is no row, or is to be none. */
export type PositionDifference = PositionId & { figure: string; stored: string; rebuilt: string }

export type RebuildOptions = { wallets: string[]; isTracked: IsTracked; isDryRun: boolean }

/** Wallets and moves of one transaction: for so long ingestion may wait for them. A wallet with more moves has its own. */
const WALLETS_AT_ONCE = 100
const MOVES_AT_ONCE = 50_000

const WALLETS = `
select wallet from (
  (select distinct wallet from fills where wallet > $1 order by wallet limit ${WALLETS_AT_ONCE})
  union (select distinct wallet from wallet_activities where wallet > $1 order by wallet limit ${WALLETS_AT_ONCE})
  union (select distinct user_id from positions where user_id > $1 order by user_id limit ${WALLETS_AT_ONCE})) w
order by wallet limit ${WALLETS_AT_ONCE}`

const TO_BE = `
select wallet, outcome_id, trim_scale(payout)::text as payout from (
  select wallet, outcome_id from fills where wallet = any($1)
  union select a.wallet, o.outcome_id from wallet_activities a join outcomes o on ${CONCERNED} where a.wallet = any($1)) p
join outcomes using (outcome_id)`

const basesOf = ({ base, next }: Position): PositionState[] => [base, next].filter((one) => one !== undefined)

const rebuildWallets = async (
  client: ClientBase,
  wallets: string[],
  stored: Map<string, StoredPosition>,
): Promise<Rebuilt[]> => {
  type Row = { wallet: string; outcome_id: string; payout: string | null }
  const { rows } = await client.query<Row>(TO_BE, [wallets])
  const ids = rows.map((row) => ({ wallet: row.wallet, outcomeId: row.outcome_id, payout: row.payout ?? undefined }))
  const bases = new Map(ids.map((id) => [positionKey(id), new Map<number, PositionState>()]))
  const starts = ids.map(({ wallet, outcomeId }) => ({ wallet, outcomeId, ...EMPTY_POSITION }))
  const folded = await foldStored(client, starts, {
    onPage: (id, before, moves) => {
      const key = positionKey(id)
      for (const { second } of basesOf(stored.get(key) ?? EMPTY_POSITION)) {
        if (before.second > second) continue
        bases.get(key)?.set(second, foldMoves(before, moves.filter((move) => move.second <= second))) // prettier-ignore
      }
    },
  })
  return ids.map((id) => {
    const key = positionKey(id)
    return { ...id, ...(folded.get(key) ?? EMPTY_POSITION), atBases: bases.get(key) ?? new Map() }
  })
}

const toFigures = (state: PositionState, payout: string | undefined): Record<string, string> => {
  const { second, ...figures } = toRecord(state)
  return { ...figures, last_move_at: new Date(Number(second) * 1_000).toISOString(), payout: payout ?? 'none' }
}

/** A base is right where it is what the moves up to its second make; it may lie anywhere. */
const areRightBases = (stored: Position, { atBases }: Rebuilt): boolean =>
  basesOf(stored).every((base) => {
    const folded = toFigures(atBases.get(base.second) ?? EMPTY_STATE, undefined)
    return JSON.stringify(folded) === JSON.stringify(toFigures(base, undefined))
  })

const compare = (stored: StoredPosition | undefined, rebuilt: Rebuilt | undefined): PositionDifference[] => {
  const id = stored ?? rebuilt
  if (id === undefined) return []
  const { wallet, outcomeId } = id
  const before = stored === undefined ? {} : toFigures(stored.state, stored.payout)
  const after = rebuilt === undefined ? {} : toFigures(rebuilt.state, rebuilt.payout)
  const differences = Object.keys({ ...before, ...after }).flatMap((figure) => {
    const [was, is] = [before[figure] ?? 'none', after[figure] ?? 'none']
    return was === is ? [] : [{ wallet, outcomeId, figure, stored: was, rebuilt: is }]
  })
  if (stored === undefined || rebuilt === undefined || areRightBases(stored, rebuilt)) return differences
  return [...differences, { wallet, outcomeId, figure: 'base', stored: 'wrong', rebuilt: 'right' }]
}

const compareAll = (stored: StoredPosition[], rebuilt: Rebuilt[]): PositionDifference[] => {
  const before = new Map(stored.map((one) => [positionKey(one), one]))
  const after = new Map(rebuilt.map((one) => [positionKey(one), one]))
  const keys = [...new Set([...before.keys(), ...after.keys()])].toSorted((left, right) => (left < right ? -1 : 1))
  return keys.flatMap((key) => compare(before.get(key), after.get(key)))
}

/** In a transaction of its own. The wallets are locked before anything is read: no fill is missed, none counted twice. */
const rebuildSome = async (
  client: ClientBase,
  wallets: string[],
  { isTracked, isDryRun }: RebuildOptions,
): Promise<PositionDifference[]> => {
  await lockWallets(client, wallets)
  const stored = await readPositionsOf(client, wallets)
  const byKey = new Map(stored.map((one) => [positionKey(one), one]))
  const rebuilt = await rebuildWallets(client, wallets.filter(isTracked), byKey)
  const differences = compareAll(stored, rebuilt)
  if (isDryRun || differences.length === 0) return differences
  const wrong = new Set(differences.map(positionKey))
  const toBe = rebuilt.filter((one) => wrong.has(positionKey(one)))
  const right = new Set(toBe.map(positionKey))
  await deletePositions(client, stored.filter((one) => wrong.has(positionKey(one)) && !right.has(positionKey(one)))) // prettier-ignore
  await upsertPositions(client, toBe)
  return differences
}

/** Tries of a transaction that Postgres broke off since it and another one waited for each other. */
const MOST_TRIES = 5
const isDeadlock = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '40P01'

const transactOnce = (pool: Pool, wallets: string[], options: RebuildOptions): Promise<PositionDifference[]> =>
  withClient(pool, async (client) => {
    await client.query('begin')
    try {
      const differences = await rebuildSome(client, wallets, options)
      await client.query('commit')
      return differences
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

/** Wallets and rows are locked in the commits' order, but for one that changes the tokens of an outcome: it is rare. */
const transact = async (pool: Pool, wallets: string[], options: RebuildOptions): Promise<PositionDifference[]> => {
  for (let triesLeft = MOST_TRIES - 1; ; triesLeft--) {
    try {
      return await transactOnce(pool, wallets, options)
    } catch (error) {
      if (!isDeadlock(error) || triesLeft === 0) throw error
    }
  }
}

/** Wallets after another one, in their order. */
const walletsAfter = async (pool: Pool, wallet: string): Promise<string[]> =>
  (await pool.query<{ wallet: string }>(WALLETS, [wallet])).rows.map((row) => row.wallet)

const COUNT = `
select w.wallet,
  (select count(*) from (select from fills f where f.wallet = w.wallet limit ${MOVES_AT_ONCE}) f)::int +
  (select count(*) from (select from wallet_activities a where a.wallet = w.wallet limit ${MOVES_AT_ONCE}) a)::int as moves
from unnest($1::text[]) with ordinality as w(wallet, position) order by w.position`

/** The first of the wallets: so many as one transaction takes, at least one. */
const firstOf = async (pool: Pool, wallets: string[]): Promise<string[]> => {
  const some = wallets.slice(0, WALLETS_AT_ONCE)
  const { rows } = await pool.query<{ moves: number }>(COUNT, [some])
  let moves = 0
  const end = rows.findIndex((row, at) => (moves += row.moves) > MOVES_AT_ONCE && at > 0)
  return end === -1 ? some : some.slice(0, end)
}

/**
 * Computes positions anew from all fills and activities that are stored, and yields what differs from the table, some
 * wallets at a time, each time in one transaction. Unless it is a dry run, the table is put right.
 */
export async function* rebuildPositions(
  pool: Pool,
  options: RebuildOptions,
): AsyncGenerator<{ walletCount: number; differences: PositionDifference[] }> {
  const { wallets } = options
  const areGiven = wallets.length > 0
  for (let left = areGiven ? wallets : await walletsAfter(pool, ''); left.length > 0;) {
    const some = await firstOf(pool, left)
    yield { walletCount: some.length, differences: await transact(pool, some, options) }
    left = areGiven ? left.slice(some.length) : await walletsAfter(pool, some.at(-1) ?? '')
  }
}
