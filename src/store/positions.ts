import type { ClientBase } from 'pg'
import { advance, EMPTY_POSITION, fillMove, startFor, type Move, type Position } from '../domain/position.ts'
import type { AttributedFill } from '../domain/trade.ts'
import { foldStored } from './position-fold.ts'
import { byPosition, positionKey, type PositionId, type WalletMove } from './position-moves.ts'
import { lockPositions, upsertPositions } from './position-rows.ts'
import type { StatementTarget } from './script.ts'

/** A position with new moves, and what they go on from. */
type Moved = PositionId & { moves: Move[]; stored: Position | undefined; start: Position }

const earliest = (moves: Move[]): number => moves.reduce((least, { second }) => Math.min(least, second), Infinity)

const withStart = (id: PositionId & { moves: Move[] }, stored: Position | undefined): Moved => ({
  ...id,
  stored,
  start: stored === undefined ? EMPTY_POSITION : startFor(stored, earliest(id.moves)),
})

const isLate = ({ start, stored }: Moved): boolean => start.state !== stored?.state

/** Whether positions are kept of a wallet. */
export type IsTracked = (wallet: string) => boolean

/** Without a list (TRACKED_WALLETS) every wallet that is seen. */
export const createTracking = (wallets: string[]): IsTracked => {
  const tracked = new Set(wallets)
  return (wallet) => tracked.size === 0 || tracked.has(wallet)
}

export type MovesTarget = { client: ClientBase; isTracked: IsTracked; target?: StatementTarget }

/**
 * Puts moves that were newly stored by this transaction into the positions. One that is younger than all before it goes
 * on from the stored figures; where one belongs before what is applied (or there is no row yet), the moves since its base
 * are read and folded anew. So the figures are always those of all that is stored, in the order of `compareMoves`.
 *
 * `target` is where the rows are written: a script that is sent later in the same transaction saves a round trip.
 */
export const writeMoves = async (
  { client, isTracked, target = client }: MovesTarget,
  moves: WalletMove[],
): Promise<void> => {
  const given = byPosition(moves.filter(({ wallet }) => isTracked(wallet)))
  if (given.size === 0) return
  const stored = new Map((await lockPositions(client, [...given.values()])).map((one) => [positionKey(one), one]))
  const moved = [...given].map(([key, one]) => withStart(one, stored.get(key)))
  const late = moved.filter(isLate).map(({ wallet, outcomeId, start }) => ({ wallet, outcomeId, ...start }))
  const folded = await foldStored(client, late)
  const positions = moved.map(({ wallet, outcomeId, start, moves: some }) => {
    const position = folded.get(positionKey({ wallet, outcomeId })) ?? advance(start, some)
    return { wallet, outcomeId, ...position }
  })
  await upsertPositions(target, positions)
}

/** Newly attributed fills as moves of their takers. */
export const toMoves = (fills: AttributedFill[]): WalletMove[] =>
  fills.map(({ wallet, outcomeId, exchangeTimeMs, ...fill }) => ({
    wallet,
    outcomeId,
    move: fillMove({ ...fill, second: Math.floor(exchangeTimeMs / 1_000) }),
  }))
