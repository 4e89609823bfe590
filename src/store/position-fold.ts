import type { ClientBase } from 'pg'
import { advance, type Move, type Position, type PositionState } from '../domain/position.ts'
import { byPosition, positionKey, readMoves, type PositionId } from './position-moves.ts'

/** Moves of one read, however many positions are folded: they are held in memory. */
const MOVES_AT_ONCE = 64_000
/** Most positions have no more since their base. */
const LEAST_EACH = 64

export type FoldOptions = {
  movesAtOnce?: number
  leastEach?: number
  /** Told of each page of a position before it is folded. */
  onPage?: (id: PositionId, before: PositionState, moves: Move[]) => void
}

/** Folds what is stored of each position after its start, in pages: a wallet may have millions of moves. By `positionKey`. */
export const foldStored = async (
  client: ClientBase,
  starts: (PositionId & Position)[],
  { movesAtOnce = MOVES_AT_ONCE, leastEach = LEAST_EACH, onPage }: FoldOptions = {},
): Promise<Map<string, Position>> => {
  const folded = new Map<string, Position>(starts.map((one) => [positionKey(one), one]))
  const positionsAtOnce = Math.max(1, Math.floor(movesAtOnce / leastEach))
  for (let open: PositionId[] = starts; open.length > 0;) {
    const some = open.slice(0, positionsAtOnce)
    const mostEach = Math.max(leastEach, Math.floor(movesAtOnce / some.length))
    const wanted = some.map(({ wallet, outcomeId }) => {
      const afterSecond = folded.get(positionKey({ wallet, outcomeId }))?.state.second ?? -1
      return { wallet, outcomeId, afterSecond }
    })
    const pages = byPosition(await readMoves(client, wanted, mostEach))
    for (const [key, { moves, ...id }] of pages) {
      const before = folded.get(key)
      if (before === undefined) continue
      onPage?.(id, before.state, moves)
      folded.set(key, advance(before, moves))
    }
    const isMore = (id: PositionId): boolean => (pages.get(positionKey(id))?.moves.length ?? 0) >= mostEach
    open = [...some.filter(isMore), ...open.slice(positionsAtOnce)]
  }
  return folded
}
