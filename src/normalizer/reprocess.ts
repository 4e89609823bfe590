import type { Parsed, VenueEvent } from '../domain/event.ts'
import { TRADES_STREAM } from '../domain/keys.ts'
import type { Market } from '../domain/market.ts'
import type { ParsedDataActivity, ParsedDataTrade } from '../domain/trade.ts'
import { addDeadLetter, shortened, type FrameContext, type Reprocessed } from './batch.ts'
import { noteAnnounced, noteCatalogued, noteResolved } from './market-changes.ts'
import { isPossibleTime } from './possible-time.ts'
import { whyNotStorable } from './storable-market.ts'
import { toFill } from './trade-ordinals.ts'

/**
 * Text of a frame of kind `reprocess`, as JSON: a dead letter's raw text on its second way through the pipeline.
 * `copy`: how many byte-identical dead letters of its stream came before it; `isSuperseded`: a newer object of the same
 * market is stored.
 */
export type ReprocessText = { deadLetterId: number; copy: number; isSuperseded: boolean; raw: string }

type Outcome = Pick<Reprocessed, 'result' | 'detail'>
type ParsedMarket = { type: 'market'; market: Market } | { type: 'rejected'; detail: string }
type Parsers = { parseMessage: (text: string) => Parsed; parseRestBook: (text: string) => Parsed }

const rejected = (detail: string): Outcome => ({ result: 'rejected', detail })
const applied = (detail: string): Outcome => ({ result: 'applied', detail })
const stale = (detail: string): Outcome => ({ result: 'stale', detail })

const MOVED_ON = 'the book has moved on: the gap that the text left was ended by a whole book'

const parseText = (text: string): ReprocessText | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('deadLetterId' in value) || !('raw' in value)) return undefined
    const { deadLetterId, raw } = value
    if (typeof deadLetterId !== 'number' || typeof raw !== 'string') return undefined
    const copy = 'copy' in value ? Number(value.copy) : 0
    return { deadLetterId, raw, copy, isSuperseded: 'isSuperseded' in value && value.isSuperseded === true }
  } catch {
    return undefined
  }
}

/**
 * Runs `apply` on the raw text and notes the result (undefined: the commit knows it and notes it); a text that is not ours
 * is a dead letter itself.
 */
const carryOut = (
  context: FrameContext,
  stream: string,
  apply: (given: ReprocessText) => Outcome | undefined,
): void => {
  const given = parseText(context.frame.text)
  if (given === undefined) {
    addDeadLetter(context, stream, { reason: 'bad_reprocess', detail: 'not a text of `npm run reprocess`' })
    return
  }
  const outcome = apply(given)
  if (outcome === undefined) return
  const { result, detail } = outcome
  context.batch.reprocessed.push({ deadLetterId: given.deadLetterId, result, detail: shortened(detail) })
}

/** What broadcasts say; undefined for any other event. */
const applyBroadcast = (event: VenueEvent, context: FrameContext): Outcome | undefined => {
  if (event.type === 'new_market') {
    noteAnnounced(event, context)
    return applied(`announcement of market ${event.marketId}`)
  }
  if (event.type !== 'market_resolved') return undefined
  noteResolved(event, context)
  return applied(`resolution of market ${event.marketId}`)
}

const tokensOf = (event: VenueEvent): string[] => {
  if (event.type === 'price_change') return event.changes.map((change) => change.token)
  return 'token' in event ? [event.token] : []
}

const applyInMarket = (event: VenueEvent, copy: number, context: FrameContext, market: Market): Outcome => {
  const broadcast = applyBroadcast(event, context)
  if (broadcast !== undefined) return broadcast
  const stranger = tokensOf(event).find((token) => market.outcomes.every((outcome) => outcome.token !== token))
  if (stranger !== undefined) return rejected(`token "${stranger}" is no outcome of market ${market.marketId}`)
  if (event.type !== 'trade') return stale(MOVED_ON)
  const outcome = market.outcomes.find(({ token }) => token === event.token)
  if (outcome === undefined) return rejected(`token "${event.token}" is no outcome of market ${market.marketId}`)
  const { frame, batch } = context
  const { marketId } = market
  const { outcomeId } = outcome
  batch.fills.push(toFill(event, { marketId, outcomeId, frame, epoch: 'reprocess', ordinal: copy }))
  return applied(`fill ${event.takerSide} ${event.level.sizeText} of ${outcomeId} at ${event.level.priceText}`)
}

/** Dead letters do not say whether they came by the websocket or from REST; a REST book has no event type. */
const parseEither = (raw: string, { parseMessage, parseRestBook }: Parsers): Parsed => {
  const parsed = parseMessage(raw)
  if (parsed.type !== 'rejected') return parsed
  const book = parseRestBook(raw)
  return book.type === 'event' ? book : parsed
}

const isEarlyOrLate = (event: { exchangeTimeMs: number }): Outcome =>
  rejected(`venue time ${event.exchangeTimeMs} cannot be`)

/**
 * Applies a dead letter to the stream of its market. It stands apart from the connection that is followed: a trade
 * becomes a fill, whatever would change a book is too late, and no epoch, ordinal or sequence moves.
 */
export const reprocessInMarket = (context: FrameContext, { market, ...parsers }: Parsers & { market: Market }): void =>
  carryOut(context, `orderbook:${market.marketId}`, ({ raw, copy }) => {
    const parsed = parseEither(raw, parsers)
    if (parsed.type !== 'event') return rejected(parsed.detail)
    if (!isPossibleTime(parsed.event, context.frame)) return isEarlyOrLate(parsed.event)
    return applyInMarket(parsed.event, copy, context, market)
  })

export type SharedParsers = {
  parseMessage: (text: string) => Parsed
  parseCatalogue: (text: string) => ParsedMarket
}

/** Applies a dead letter of the stream `markets`: a catalogue object or a broadcast. */
export const reprocessInMarkets = (context: FrameContext, stream: string, parsers: SharedParsers): void =>
  carryOut(context, stream, ({ raw, isSuperseded }) => {
    const parsed = parsers.parseMessage(raw)
    if (parsed.type === 'event') {
      if (!isPossibleTime(parsed.event, context.frame)) return isEarlyOrLate(parsed.event)
      const broadcast = applyBroadcast(parsed.event, context)
      return broadcast ?? rejected(`${parsed.event.type} belongs to the stream of its market`)
    }
    const catalogue = parsers.parseCatalogue(raw)
    if (catalogue.type === 'rejected') return rejected(parsed.type === 'unknown' ? parsed.detail : catalogue.detail)
    const detail = whyNotStorable(catalogue.market)
    if (detail !== undefined) return rejected(detail)
    if (isSuperseded) return stale('a newer catalogue object of this market is stored')
    noteCatalogued(catalogue.market, context)
    return applied(`catalogue object of market ${catalogue.market.marketId}`)
  })

export type TradesParsers = {
  parseTrade: (text: string) => ParsedDataTrade
  parseActivity: (text: string) => ParsedDataActivity
}

/** Undefined where the text is no activity. */
const reprocessActivity = (
  { frame, batch }: FrameContext,
  { raw, deadLetterId }: ReprocessText,
  { parseActivity }: TradesParsers,
): { outcome: Outcome | undefined } | undefined => {
  const parsed = parseActivity(raw)
  if (parsed.type === 'rejected') return undefined
  const { activity } = parsed
  if (!isPossibleTime(activity, frame)) return { outcome: isEarlyOrLate(activity) }
  const origin = { type: 'dead_letter', deadLetterId } as const
  batch.activities.push({ activity, capturedTimeMs: frame.receivedTimeMs, origin, marketId: undefined })
  return { outcome: undefined }
}

/**
 * Applies a dead letter of the stream `trades`. Whether its token or market is known by now is seen where it is committed.
 */
export const reprocessInTrades = (context: FrameContext, parsers: TradesParsers): void =>
  carryOut(context, TRADES_STREAM, (given) => {
    const { raw, deadLetterId } = given
    const { frame, batch } = context
    const activity = reprocessActivity(context, given, parsers)
    if (activity !== undefined) return activity.outcome
    const parsed = parsers.parseTrade(raw)
    if (parsed.type === 'rejected') return rejected(parsed.detail)
    const { trade } = parsed
    if (!isPossibleTime(trade, frame)) return isEarlyOrLate(trade)
    const origin = { type: 'dead_letter', deadLetterId } as const
    batch.trades.push({ trade, capturedTimeMs: frame.receivedTimeMs, origin, marketId: undefined })
    return undefined
  })

/** A dead letter that still belongs to no known market. */
export const reprocessUnroutable = (context: FrameContext, stream: string): void =>
  carryOut(context, stream, () => rejected('belongs to no known market'))
