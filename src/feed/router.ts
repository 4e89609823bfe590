import { MARKETS_STREAM, UNROUTABLE_STREAM, orderbookStream } from '../domain/keys.ts'
import { firstString, lastString } from '../lib/json-elements.ts'

type RoutedMarket = { marketId: string; conditionId: string; tokens: string[] }

export type Router = {
  add(market: RoutedMarket): void
  remove(market: RoutedMarket): void
  /** Stream of one element: by its condition id, else by its token; broadcasts to `markets`; never throws. */
  route(element: string): string
  marketOfToken(token: string): string | undefined
}

const BROADCASTS = new Set(['new_market', 'market_resolved'])
type Envelope = { type: string | undefined; market: string | undefined; token: string | undefined }

/** 0.3 µs where parsing cost 4: the shapes of the venue have each of these keys once, at the top. */
const scan = (element: string): Envelope => ({
  type: lastString(element, '"event_type"'),
  market: firstString(element, '"market"'),
  token: firstString(element, '"asset_id"'),
})

const textAt = (object: object, key: string): string | undefined => {
  const value: unknown = Reflect.get(object, key)
  return typeof value === 'string' ? value : undefined
}

/** For what the scan cannot read, such as escapes within a key. */
const parse = (element: string): Envelope => {
  try {
    const object: unknown = JSON.parse(element)
    if (typeof object === 'object' && object !== null) {
      return {
        type: textAt(object, 'event_type'),
        market: textAt(object, 'market'),
        token: textAt(object, 'asset_id'),
      }
    }
  } catch {
    // Not JSON: the text goes to the unroutable stream as it is.
  }
  return { type: undefined, market: undefined, token: undefined }
}

/** Markets of one feed. A truncated frame that still names its market goes to that market, whose reader counts it. */
export const createRouter = (): Router => {
  const byCondition = new Map<string, string>()
  const byToken = new Map<string, string>()
  const streamOf = ({ type, market, token }: Envelope): string | undefined => {
    if (type !== undefined && BROADCASTS.has(type)) return MARKETS_STREAM
    const stream = market === undefined ? undefined : byCondition.get(market)
    if (stream !== undefined) return stream
    const marketId = token === undefined ? undefined : byToken.get(token)
    return marketId === undefined ? undefined : orderbookStream(marketId)
  }
  return {
    add: ({ marketId, conditionId, tokens }) => {
      if (conditionId !== '') byCondition.set(conditionId, orderbookStream(marketId))
      for (const token of tokens) byToken.set(token, marketId)
    },
    remove: ({ conditionId, tokens }) => {
      byCondition.delete(conditionId)
      for (const token of tokens) byToken.delete(token)
    },
    route: (element) => streamOf(scan(element)) ?? streamOf(parse(element)) ?? UNROUTABLE_STREAM,
    marketOfToken: (token) => byToken.get(token),
  }
}
