import { fromScaled, toMillionths } from './decimal.ts'

/** `mid`, or why there is none. `one_sided`: a side, or both, are empty. `not_live`: paused, stopped, not recorded. */
type MarkState = 'mid' | 'one_sided' | 'crossed' | 'gap' | 'not_live'

/** What an outcome's held shares are valued at. The price is half a sum of two: up to 7 places. */
export type Mark = { outcomeId: string; state: MarkState; priceText: string | undefined }

/** The top of an outcome's book as the hot cache has it. `state`: of its market; undefined where the cache has none. */
export type TopOfBook = {
  outcomeId: string
  state: string | undefined
  bidText: string | undefined
  askText: string | undefined
}

/**
 * A market that is `unverified` has a book all the same, unless a gap is open in it: then nobody knows what it holds.
 * The mid is that of the outcome's own book, never 1 minus that of the other.
 */
export const toMark = ({ outcomeId, state, bidText, askText }: TopOfBook, isInGap: boolean): Mark => {
  const without = (why: MarkState): Mark => ({ outcomeId, state: why, priceText: undefined })
  if (state !== 'live' && state !== 'unverified') return without('not_live')
  if (isInGap) return without('gap')
  const bid = toMillionths(bidText ?? '')
  const ask = toMillionths(askText ?? '')
  if (bid === undefined || ask === undefined) return without('one_sided')
  if (bid >= ask) return without('crossed')
  return { outcomeId, state: 'mid', priceText: fromScaled(BigInt(bid + ask) * 5n, 7) }
}
