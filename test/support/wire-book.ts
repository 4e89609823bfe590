import type { FrameKind } from '../../src/domain/frame.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import { newTapeOf, TOKENS, testMarket } from './normalizer-tape.ts'
import { venueHash } from './venue-hash.ts'

const CONDITION = '0x09'
const ZERO_MS = 1_790_000_000_000

type Side = 'BUY' | 'SELL'

/** The venue's own book of one token: says what the venue would say of it. Times are ms after a common start. */
export const createWireBook = (token: string = TOKENS[0]) => {
  const sides: Record<Side, Map<string, string>> = { BUY: new Map([['0.4', '10']]), SELL: new Map([['0.6', '10']]) }
  const inputs = { tickSize: '0.01', lastTradePrice: '0.500' }
  const levels = (side: Side) =>
    [...sides[side]]
      .map(([price, size]) => ({ price, size }))
      .toSorted((left, right) => (Number(left.price) - Number(right.price)) * (side === 'BUY' ? 1 : -1))
  const said = (ms: number) => ({
    market: CONDITION,
    asset_id: token,
    timestamp: String(ZERO_MS + ms),
    bids: levels('BUY'),
    asks: levels('SELL'),
  })
  const best = () => ({ best_bid: levels('BUY').at(-1)?.price ?? '0', best_ask: levels('SELL').at(-1)?.price ?? '1' })
  return {
    inputs,
    set: (side: Side, price: string, size: string): void => {
      if (size === '0') sides[side].delete(price)
      else sides[side].set(price, size)
    },
    /** A whole book; `rest`: with all inputs of the hash, as REST answers. */
    book: (ms: number, rest = false): string => {
      const hash = venueHash(said(ms), inputs)
      const { tickSize: tick_size, lastTradePrice: last_trade_price } = inputs
      const whole = rest ? { min_order_size: '5', tick_size, neg_risk: false, last_trade_price } : {}
      return JSON.stringify({ event_type: 'book', ...said(ms), hash, ...whole })
    },
    /** One element with the hash of the book as it stands now: set all of a batch first. */
    change: (ms: number, side: Side, price: string): string => {
      const size = sides[side].get(price) ?? '0'
      const element = { asset_id: token, price, size, side, hash: venueHash(said(ms), inputs), ...best() }
      const timestamp = String(ZERO_MS + ms)
      return JSON.stringify({ event_type: 'price_change', market: CONDITION, timestamp, price_changes: [element] })
    },
    quote: (ms: number): string =>
      JSON.stringify({ event_type: 'best_bid_ask', market: CONDITION, asset_id: token, ...best(), timestamp: String(ZERO_MS + ms) }), // prettier-ignore
    tick: (ms: number, tick: string): string => {
      inputs.tickSize = tick
      return JSON.stringify({ event_type: 'tick_size_change', asset_id: token, new_tick_size: tick, timestamp: String(ZERO_MS + ms) }) // prettier-ignore
    },
  }
}

/** A tape that is fed frame by frame; `lose` leaves an ordinal out. */
export const createFeedOf = () => {
  const { tape, stats } = newTapeOf(testMarket)
  const batch: Batch = newBatch()
  let ordinal = 0
  let epoch = 1
  const feed = (kind: FrameKind, ms: number, text: string): void => {
    ordinal += 1
    const frames = [{ kind, receivedTimeMs: ZERO_MS + ms, sourceReceivedTimeMs: undefined, text }]
    tape.apply({ stream: tape.stream, id: `${epoch * 1_000 + ordinal}-0`, epoch: `${epoch}-a`, firstOrdinal: ordinal, frames }, batch) // prettier-ignore
    tape.proveEarly(batch)
  }
  const reconnect = (): void => {
    epoch += 1
    ordinal = 0
  }
  return {
    tape,
    batch,
    stats,
    socket: (ms: number, text: string) => feed('websocket', ms, text),
    rest: (ms: number, text: string) => feed('rest', ms, text),
    asked: (ms: number) => feed('marker', ms, '{"type":"asked","tokens":[]}'),
    lose: () => void (ordinal += 1),
    reconnect,
    /** Another connection goes on without a gap. */
    goOn: (ms: number) => {
      reconnect()
      feed('marker', ms, `{"type":"continued","tokens":${JSON.stringify(TOKENS)}}`)
    },
    reasons: () => batch.gapsOpened.map(({ reason }) => reason),
    timeOf: (ms: number) => ZERO_MS + ms,
  }
}
