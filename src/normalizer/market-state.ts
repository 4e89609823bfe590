import { isReconnect } from '../domain/frame.ts'
import type { MarketState } from '../domain/market.ts'
import { followsBooks } from '../domain/shed.ts'
import type { MarketTape } from './market-tape.ts'

/**
 * `live`: every book is followed, kept whole and proved. `unverified`: one is not, though it was there once; else `starting`.
 */
export const marketState = ({ isResolved, subscription, outcomes }: MarketTape): MarketState => {
  if (isResolved) return 'resolved'
  if (subscription !== 'active') return subscription
  if (outcomes.some((tape) => tape.status === 'gap' && tape.exchangeTimeMs !== undefined)) return 'unverified'
  if (outcomes.some((tape) => tape.status !== 'following')) return 'starting'
  if (outcomes.some((tape) => tape.writer.sheds.length > 0)) return 'unverified'
  return outcomes.every((tape) => tape.isProved) ? 'live' : 'unverified'
}

/**
 * Whether a whole book from REST would help: `now`, or `soon` where a new connection is about to bring its own.
 * Undefined: no need.
 */
export const bookNeed = (
  { subscription, isResolved, outcomes, isMirrorBroken }: MarketTape,
  nowMs: number,
): 'now' | 'soon' | undefined => {
  if (subscription !== 'active' || isResolved) return undefined
  if (outcomes.some(({ writer }) => !followsBooks(writer.tier))) return undefined
  const gaps = outcomes.filter((tape) => tape.status === 'gap')
  if (gaps.some(({ gapReason }) => gapReason === undefined || !isReconnect(gapReason))) return 'now'
  if (isMirrorBroken || outcomes.some((tape) => tape.isInDoubt(nowMs))) return 'now'
  return gaps.length > 0 || outcomes.some((tape) => tape.needsBook) ? 'soon' : undefined
}
