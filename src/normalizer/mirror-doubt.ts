import { isMirror } from '../domain/mirror.ts'
import type { MarketTape } from './market-tape.ts'

/**
 * Where a hash cannot be judged, the two outcomes at one instant of the venue must be each other's mirror. If not, REST
 * is asked: two updates of one instant may lie between, so it is no gap by itself.
 */
export const isMirrorDoubted = (tape: Pick<MarketTape, 'outcomes' | 'state'>): boolean => {
  const [first, second] = tape.outcomes
  if (first === undefined || second === undefined || tape.outcomes.length > 2) return false
  // Before the state, which is dearer: it is asked for each market at the end of each read.
  if (first.isProved && second.isProved) return false
  if (tape.state !== 'unverified') return false
  if (first.status !== 'following' || second.status !== 'following') return false
  if (first.isProved && second.isProved) return false
  return first.exchangeTimeMs === second.exchangeTimeMs && !isMirror(first.book, second.book)
}
