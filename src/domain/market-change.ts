import type { Market } from './market.ts'

/** What `new_market` says of a market. Nobody says yet what its smallest order is, nor whether it is neg-risk. */
export type Announcement = Pick<Market, 'conditionId' | 'slug' | 'question' | 'version'> & {
  tickSize: string | undefined
  feeBps: number | undefined
  eventSlug: string | undefined
  /** Slugs. */
  tags: string[]
}

type Said =
  | { source: 'gamma'; market: Market }
  | { source: 'new_market'; announced: Announcement }
  | { source: 'tick_size_change'; tickSize: string }
  | { source: 'market_resolved' }

/** Something that was said of a market. It became known at `receivedTimeMs`; `exchangeTimeMs` is the venue's own time. */
export type MarketChange = Said & { marketId: string; receivedTimeMs: number; exchangeTimeMs: number | undefined }

/** Everything that is known of a market at an instant. Undefined is what nobody has said. Decimals are plain texts. */
export type MarketFacts = {
  conditionId: string | undefined
  slug: string | undefined
  question: string | undefined
  status: Market['status'] | undefined
  tickSize: string | undefined
  /** The last word of the catalogue. */
  gammaTickSize: string | undefined
  minOrderSize: string | undefined
  negRisk: boolean | undefined
  feeBps: number | undefined
  endTimeMs: number | undefined
  version: 'v2' | undefined
  eventSlug: string | undefined
  tags: string[] | undefined
}

const NOTHING: MarketFacts = {
  conditionId: undefined,
  slug: undefined,
  question: undefined,
  status: undefined,
  tickSize: undefined,
  gammaTickSize: undefined,
  minOrderSize: undefined,
  negRisk: undefined,
  feeBps: undefined,
  endTimeMs: undefined,
  version: undefined,
  eventSlug: undefined,
  tags: undefined,
}

/** A resolution is final, and a tick that the catalogue only repeats does not undo what the market channel said since. */
const afterGamma = (before: MarketFacts, market: Market): MarketFacts => ({
  ...before,
  conditionId: market.conditionId,
  slug: market.slug,
  question: market.question,
  status: before.status === 'resolved' ? 'resolved' : market.status,
  tickSize: market.tickSize === before.gammaTickSize ? before.tickSize : market.tickSize,
  gammaTickSize: market.tickSize,
  minOrderSize: market.minOrderSize,
  negRisk: market.negRisk,
  feeBps: market.feeBps,
  endTimeMs: market.endTimeMs,
  version: market.version,
})

/**
 * What is known once a change came; `before` itself where it says nothing new. An announcement is heard once: afterwards
 * the catalogue knows better. Decimals are compared as texts: give them in one spelling.
 */
export const factsAfter = (before: MarketFacts | undefined, change: MarketChange): MarketFacts => {
  const known = before ?? NOTHING
  switch (change.source) {
    case 'gamma':
      return afterGamma(known, change.market)
    case 'new_market':
      return before === undefined ? { ...known, ...change.announced, status: 'active' } : known
    case 'tick_size_change':
      return { ...known, tickSize: change.tickSize }
    case 'market_resolved':
      return { ...known, status: 'resolved' }
  }
}

const isSameList = (left: string[] | undefined, right: string[] | undefined): boolean =>
  left === right || (left !== undefined && right !== undefined && left.join('\n') === right.join('\n'))

export const areSameFacts = (left: MarketFacts, right: MarketFacts): boolean =>
  left.conditionId === right.conditionId &&
  left.slug === right.slug &&
  left.question === right.question &&
  left.status === right.status &&
  left.tickSize === right.tickSize &&
  left.gammaTickSize === right.gammaTickSize &&
  left.minOrderSize === right.minOrderSize &&
  left.negRisk === right.negRisk &&
  left.feeBps === right.feeBps &&
  left.endTimeMs === right.endTimeMs &&
  left.version === right.version &&
  left.eventSlug === right.eventSlug &&
  isSameList(left.tags, right.tags)
