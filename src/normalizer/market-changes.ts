import type { NewMarketEvent, TickSizeEvent, VenueEvent } from '../domain/event.ts'
import type { Market } from '../domain/market.ts'
import type { TapeContext } from './batch.ts'

type ResolvedEvent = Extract<VenueEvent, { type: 'market_resolved' }>

/** A catalogue object: the market's row, and what is new in it as a change. */
export const noteCatalogued = (market: Market, { batch, frame: { receivedTimeMs } }: TapeContext): void => {
  const { marketId } = market
  batch.markets.set(marketId, market)
  batch.marketChanges.push({ source: 'gamma', marketId, market, receivedTimeMs, exchangeTimeMs: undefined })
}

/** A market is not recorded from its announcement alone, which lacks inputs of the book's hash: the catalogue is asked. */
export const noteAnnounced = (event: NewMarketEvent, { batch, frame: { receivedTimeMs } }: TapeContext): void => {
  const { marketId, announced, exchangeTimeMs } = event
  batch.newMarkets.add(marketId)
  batch.marketChanges.push({ source: 'new_market', marketId, announced, receivedTimeMs, exchangeTimeMs })
}

export const noteResolved = (event: ResolvedEvent, { batch, frame: { receivedTimeMs } }: TapeContext): void => {
  const { marketId, winningToken, exchangeTimeMs } = event
  batch.resolvedMarkets.set(marketId, { marketId, winningToken, exchangeTimeMs })
  batch.marketChanges.push({ source: 'market_resolved', marketId, receivedTimeMs, exchangeTimeMs })
}

/** The market channel tells it once an outcome; the second one says nothing new. */
export const noteTickSize = (
  marketId: string,
  { newTickSize: tickSize, exchangeTimeMs }: TickSizeEvent,
  { batch, frame: { receivedTimeMs } }: TapeContext,
): void => {
  batch.marketChanges.push({ source: 'tick_size_change', marketId, tickSize, receivedTimeMs, exchangeTimeMs })
}
