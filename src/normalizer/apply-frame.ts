import type {
  BestBidAskEvent,
  BookEvent,
  PriceChangeEvent,
  TickSizeEvent,
  TradeEvent,
  VenueEvent,
} from '../domain/event.ts'
import type { Marker } from '../domain/frame.ts'
import type { FrameContext } from './batch.ts'
import { disownFuture } from './future-time.ts'
import { keepAsTold } from './keep-levels.ts'
import { tellFill } from './listener.ts'
import { parseMarker } from './marker.ts'
import { noteTickSize } from './market-changes.ts'
import type { MarketTape } from './market-tape.ts'
import type { ChangeResult, OutcomeTape } from './outcome-tape.ts'
import { isPossibleTime } from './possible-time.ts'
import { toFill } from './trade-ordinals.ts'

/** Not put together for each change: a text that is made has to be found among the names each time. */
const CHANGE_COUNTERS: Record<ChangeResult, string> = {
  changed: 'changes_changed',
  unchanged: 'changes_unchanged',
  older: 'changes_older',
  held: 'changes_held',
}

const noteTimes = ({ exchangeTimeMs }: VenueEvent, { frame, batch, entryId }: FrameContext): void => {
  // An id begins with the ms of Redis's clock.
  const appendedTimeMs = Number.parseInt(entryId, 10)
  batch.frameTimes.push(exchangeTimeMs, frame.receivedTimeMs, appendedTimeMs)
}

/** Figures by the venue's name of the type. */
const APPLIED: Record<VenueEvent['type'], string> = {
  book: 'applied:book',
  price_change: 'applied:price_change',
  trade: 'applied:last_trade_price',
  tick_size_change: 'applied:tick_size_change',
  best_bid_ask: 'applied:best_bid_ask',
  new_market: 'applied:new_market',
  market_resolved: 'applied:market_resolved',
}

/** The outcome of a token. A token that is none of the market goes to the dead letters and is applied to nothing. */
const outcomeFor = (tape: MarketTape, token: string, context: FrameContext): OutcomeTape | undefined => {
  const outcome = tape.outcomeOf(token)
  if (outcome === undefined) tape.reject('unknown_token', token, context)
  return outcome
}

const applyBook = (tape: MarketTape, event: BookEvent, context: FrameContext): void => {
  const outcome = outcomeFor(tape, event.token, context)
  if (outcome === undefined) return
  disownFuture(outcome, event.exchangeTimeMs, context)
  const result = outcome.applyBook(event, context)
  tape.deps.stats.count(`books_${result}`)
  if (result === 'difference') noteTimes(event, context)
  if (result === 'snapshot') tape.isCheckpointDue = true
}

const applyChanges = (tape: MarketTape, event: PriceChangeEvent, context: FrameContext): void => {
  for (const change of event.changes) {
    const outcome = outcomeFor(tape, change.token, context)
    if (outcome === undefined) continue
    disownFuture(outcome, event.exchangeTimeMs, context)
    tape.deps.stats.count(CHANGE_COUNTERS[outcome.applyChange(change, event, context)])
  }
  noteTimes(event, context)
}

const addFill = (tape: MarketTape, event: TradeEvent, epoch: string, context: FrameContext): void => {
  const outcome = outcomeFor(tape, event.token, context)
  if (outcome === undefined) return
  const { marketId } = tape.market
  const { outcomeId } = outcome.outcome
  const { frame, batch } = context
  const ordinal = outcome.trades.next(event, epoch, frame.receivedTimeMs)
  const fill = toFill(event, { marketId, outcomeId, frame, epoch, ordinal })
  batch.fills.push(fill)
  tellFill(tape, fill, batch)
}

const applyTrade = (tape: MarketTape, event: TradeEvent, context: FrameContext): void => {
  if (tape.outcomeOf(event.token) !== undefined) tape.prices.suspect(event.level.price)
  addFill(tape, event, tape.epoch, context)
}

/** Of a connection that is not followed any more, the trades alone are of use. */
export const applyOlderTrade = (tape: MarketTape, epoch: string, context: FrameContext): void => {
  const { frame } = context
  if (frame.kind !== 'websocket' || !frame.text.includes('"last_trade_price"')) return
  const parsed = tape.deps.parseMessage(frame.text)
  if (parsed.type !== 'event' || parsed.event.type !== 'trade' || !isPossibleTime(parsed.event, frame)) return
  addFill(tape, parsed.event, epoch, context)
}

const applyTick = (tape: MarketTape, event: TickSizeEvent, context: FrameContext): void => {
  const outcome = outcomeFor(tape, event.token, context)
  if (outcome === undefined) return
  outcome.changeTick(event.newTickSize, context)
  noteTickSize(tape.market.marketId, event, context)
}

const applyQuote = (tape: MarketTape, event: BestBidAskEvent, context: FrameContext): void => {
  const times = { exchangeTimeMs: event.exchangeTimeMs, receivedTimeMs: context.frame.receivedTimeMs }
  outcomeFor(tape, event.token, context)?.expectQuote(event.bestBid, event.bestAsk, times)
  tape.deps.stats.count('bestBidAsks')
}

const applyEvent = (tape: MarketTape, event: VenueEvent, context: FrameContext): void => {
  tape.deps.stats.count(context.frame.kind === 'rest' ? 'applied:rest_book' : APPLIED[event.type])
  switch (event.type) {
    case 'book':
      return applyBook(tape, event, context)
    case 'price_change':
      return applyChanges(tape, event, context)
    case 'trade':
      return applyTrade(tape, event, context)
    case 'tick_size_change':
      return applyTick(tape, event, context)
    case 'best_bid_ask':
      return applyQuote(tape, event, context)
    case 'new_market':
    case 'market_resolved':
      return tape.reject('misrouted', `${event.type} belongs to the stream "markets"`, context)
  }
}

const applyGap = (tape: MarketTape, marker: Extract<Marker, { type: 'gap' }>, context: FrameContext): void => {
  const { reason, detail, tokens } = marker
  if (reason === 'paused' || reason === 'stopped') tape.subscription = reason
  const cause = { reason, detail, sinceTimeMs: undefined, lastGoodSequence: undefined }
  for (const token of tokens) {
    const outcome = tape.outcomeOf(token)
    if (outcome !== undefined) tape.openGap(outcome, cause, context, reason === 'snapshot_missing')
  }
}

const applyMarker = (tape: MarketTape, context: FrameContext): void => {
  const marker = parseMarker(context.frame.text)
  switch (marker?.type) {
    case undefined:
      return tape.reject('bad_marker', 'not a marker of ours', context)
    case 'subscribed':
      tape.subscription = 'active'
      return
    case 'unsubscribed':
    case 'asked':
      return
    case 'continued':
      for (const outcome of tape.outcomes) outcome.joinedTimeMs = outcome.changeTimeMs
      return
    case 'depth':
      return keepAsTold(tape, marker, context)
    case 'gap':
      return applyGap(tape, marker, context)
  }
}

/** Parses one frame of a market's stream and applies it. Bad data goes to the dead letters, and to a gap if it may be a loss. */
export const applyFrame = (tape: MarketTape, context: FrameContext): void => {
  const { frame } = context
  if (frame.kind === 'marker') return applyMarker(tape, context)
  const parsed = frame.kind === 'rest' ? tape.deps.parseRestBook(frame.text) : tape.deps.parseMessage(frame.text)
  switch (parsed.type) {
    case 'event': {
      if (isPossibleTime(parsed.event, frame)) return applyEvent(tape, parsed.event, context)
      const detail = `venue time ${parsed.event.exchangeTimeMs} cannot be`
      tape.reject('bad_message', detail, context)
      return tape.openGaps('bad_message', detail, context)
    }
    case 'unknown':
      return tape.reject('unknown_event', parsed.detail, context)
    case 'rejected':
      tape.reject('bad_message', parsed.detail, context)
      if (parsed.breaksBook) tape.openGaps('bad_message', parsed.detail, context)
  }
}
