import type { Redis } from 'ioredis'
import { ladderKey, quoteKey } from '../../domain/keys.ts'
import type { Market } from '../../domain/market.ts'
import type { Found } from './find-market.ts'
import { whyBehind } from './freshness.ts'
import { keptFacts } from './kept-text.ts'
import { toShownLevels } from './levels.ts'
import { ageText, clockText, countText, timeText } from './number-text.ts'
import type { ShownBook, ShownLevel, ShownOutcome } from './shown-book.ts'

type Quote = Record<string, string>

/** `<price>:<size>`, best first. */
const toLevels = (members: string[]): ShownLevel[] =>
  toShownLevels(
    members.map((member) => {
      const [price = '', size = ''] = member.split(':')
      return [price, size]
    }),
  )

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((member) => typeof member === 'string') : []

const toQuote = (value: unknown): Quote =>
  typeof value !== 'object' || value === null
    ? {}
    : Object.fromEntries(Object.entries(value).filter(([, field]) => typeof field === 'string'))

const proofText = (quote: Quote): string => {
  const sequence = Number(quote['sequence'] ?? '')
  const verified = quote['verified_sequence'] ?? ''
  if (verified === '') return 'live, unverified: not proved yet'
  const behind = sequence - Number(verified)
  return behind <= 0 ? "live, verified by the venue's hash" : `live, verified up to ${countText(behind)} events before`
}

const STATES: ReadonlyMap<string, string> = new Map([
  ['unverified', 'unverified: in a gap, the book may be wrong'],
  ['starting', 'starting: the first book is waited for'],
  ['paused', 'paused: the book as it last was'],
  ['stopped', 'stopped: its ladders were deleted, --at shows the past'],
])

const stateText = (quote: Quote): string => {
  const state = quote['state'] ?? 'unknown'
  return state === 'live' ? proofText(quote) : (STATES.get(state) ?? state)
}

/** `<venue ms>:<hash>` for each outcome of the market, in order. */
const venueTimeOf = (quote: Quote, index: number): number | undefined => {
  const [text = ''] = (quote['applied'] ?? '').split(' ')[index]?.split(':') ?? []
  const fallback = index === 0 ? (quote['source_ts'] ?? '') : ''
  const timeMs = Number(text === '' ? fallback : text)
  return timeMs > 0 ? timeMs : undefined
}

const outcomeFacts = (quote: Quote, index: number, nowMs: number): string[] => {
  const sequence = index === 0 ? [`sequence ${countText(Number(quote['sequence'] ?? 0))}`] : []
  const venueTimeMs = venueTimeOf(quote, index)
  const venue = venueTimeMs === undefined ? [] : [`venue ${clockText(venueTimeMs, nowMs)}, ${ageText(nowMs - venueTimeMs)}`] // prettier-ignore
  return [...venue, ...sequence]
}

const updatedMsOf = (quote: Quote): number => Number(quote['updated_at'] ?? 0)

const updatedFacts = (quote: Quote, nowMs: number): string[] => {
  const updatedMs = updatedMsOf(quote)
  return updatedMs > 0 ? [`written ${timeText(updatedMs)}, ${ageText(nowMs - updatedMs)}`] : []
}

/** One transaction: the quote and the ladders are of the same moment. */
const readKeys = async (redis: Redis, marketId: string, outcomeIds: string[]): Promise<unknown[]> => {
  const transaction = redis.multi().hgetall(quoteKey(marketId))
  for (const id of outcomeIds) transaction.zrevrange(ladderKey(id, 'bid'), 0, -1).zrange(ladderKey(id, 'ask'), 0, '-1')
  const replies = (await transaction.exec()) ?? []
  return replies.map(([error, value]) => {
    if (error !== null) throw error
    return value
  })
}

const indexIn = (market: Market, outcomeId: string): number =>
  market.outcomes.findIndex((outcome) => outcome.outcomeId === outcomeId)

/** What the hot cache says of a market now; undefined where it knows nothing of it. */
export const readLiveBook = async (
  redis: Redis,
  { market, outcomes }: Found,
  cacheName: string,
): Promise<ShownBook | undefined> => {
  const [first, ...sides] = await readKeys(redis, market.marketId, outcomes.map(({ outcomeId }) => outcomeId)) // prettier-ignore
  const quote = toQuote(first)
  if (quote['state'] === undefined) return undefined
  const nowMs = Date.now()
  const why = await whyBehind(redis, market.marketId, updatedMsOf(quote))
  const shown = outcomes.map(({ outcomeId, name }, place): ShownOutcome => ({
    outcomeId,
    name,
    facts: outcomeFacts(quote, indexIn(market, outcomeId), nowMs),
    bids: toLevels(strings(sides[place * 2])),
    asks: toLevels(strings(sides[place * 2 + 1])),
  }))
  return {
    question: market.question,
    warning: why === undefined ? undefined : `not current: ${why}`,
    facts: [
      `market ${market.marketId}`,
      market.slug,
      stateText(quote),
      ...keptFacts(Number(quote['depth'] ?? 0)),
      ...updatedFacts(quote, nowMs),
      cacheName,
    ],
    outcomes: shown,
  }
}
