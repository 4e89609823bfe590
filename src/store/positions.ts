import type { ClientBase } from 'pg'
import { advance, EMPTY_STATE, fillMove, startFor, type Move, type Position } from '../domain/position.ts'
import type { AttributedFill } from '../domain/trade.ts'
import { byPosition, positionKey, readMoves, type PositionId, type WalletMove } from './position-moves.ts'
import { lockWallets, readPositions, upsertPositions } from './position-rows.ts'
import type { StatementTarget } from './script.ts'

/** A position with new moves, and the state that they go on from: undefined where all that is stored is folded anew. */
type Moved = PositionId & { moves: Move[]; stored: Position | undefined; start: Position['state'] | undefined }

const earliest = (moves: Move[]): number => moves.reduce((least, { second }) => Math.min(least, second), Infinity)

const withStart = (id: PositionId & { moves: Move[] }, stored: Position | undefined): Moved => ({
  ...id,
  stored,
  start: stored === undefined ? undefined : startFor(stored, earliest(id.moves)),
})

const isLate = ({ start, stored }: Moved): boolean => start === undefined || start !== stored?.state

/** `all`: of one that is late, what is stored after its start. */
const toPosition = (
  { wallet, outcomeId, start, stored, moves }: Moved,
  all: Move[] | undefined,
): PositionId & Position => {
  const base = start === undefined ? undefined : stored?.base
  return { wallet, outcomeId, ...advance(start ?? EMPTY_STATE, base, all ?? moves) }
}

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
  await lockWallets(
    client,
    [...given.values()].map(({ wallet }) => wallet),
  )
  const stored = new Map((await readPositions(client, [...given.values()])).map((one) => [positionKey(one), one]))
  const moved = [...given].map(([key, one]) => withStart(one, stored.get(key)))
  const wanted = moved.filter(isLate).map((one) => ({ ...one, afterSecond: one.start?.second ?? -1 }))
  const again = byPosition(await readMoves(client, wanted))
  const positions = moved.map((one) => toPosition(one, again.get(positionKey(one))?.moves))
  await upsertPositions(target, positions)
}

/** Newly attributed fills as moves of their takers. */
export const toMoves = (fills: AttributedFill[]): WalletMove[] =>
  fills.map(({ wallet, outcomeId, exchangeTimeMs, ...fill }) => ({
    wallet,
    outcomeId,
    move: fillMove({ ...fill, second: Math.floor(exchangeTimeMs / 1_000) }),
  }))
