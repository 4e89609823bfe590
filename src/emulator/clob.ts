import { z } from 'zod'
import type { Catalogue } from './catalogue.ts'
import { REST_ANSWERS, type FrameLog } from './frame-log.ts'
import { failed, json, type Answer, type Route } from './http.ts'
import type { RestCounts } from './ledger.ts'
import type { VenueMarket, VenueToken } from './market.ts'
import type { Outage } from './outage.ts'
import { statusAnswer, type RestFaults } from './rest-faults.ts'
import { restBookText } from './texts.ts'

export type ClobOptions = {
  catalogue: Catalogue
  rest: RestCounts
  restFaults: RestFaults
  outage: Outage
  log: FrameLog | undefined
  now: () => number
  /** Called before a book is told: a replay finds its last trade price then. */
  prepare: (token: VenueToken) => void
}

const MAX_BOOKS = 500
const booksBody = z.array(z.object({ token_id: z.string() }))

/** Short keys as recorded from `/clob-markets/{condition}`. */
const clobMarket = (market: VenueMarket): unknown => ({
  r: { mi: 50, ma: 4.5, moas: 30 },
  t: market.tokens.map(({ token, outcome }) => ({ t: token, o: outcome })),
  c: market.conditionId,
  mos: Number(market.minOrderSize),
  mts: Number(market.tickSize),
  mbf: 1000,
  tbf: 1000,
  ao: !market.closed,
  aot: new Date(market.createdTimeMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  itode: false,
  fd: { r: 0.07, e: 1, to: true },
  ...(market.negRisk ? { nr: true } : {}),
})

export const clobRoutes = ({ catalogue, rest, restFaults, outage, log, now, prepare }: ClobOptions): Route[] => {
  const tell = (token: VenueToken, stale: ReadonlyMap<string, string>): string => {
    const counts = rest.get(token.token) ?? { books: 0, rows: 0 }
    counts.books++
    counts.rows += Math.max(token.book.bids.count + token.book.asks.count, 1)
    rest.set(token.token, counts)
    prepare(token)
    const text = stale.get(token.token) ?? restBookText(token)
    log?.write({ t: now(), connection: REST_ANSWERS, tokens: [token.token], text })
    return text
  }
  const withBook = (id: string): VenueToken | undefined => {
    const token = catalogue.token(id)
    if (token === undefined || token.hash === '') return undefined
    return token.market.closed || token.market.bookFromTimeMs > now() ? undefined : token
  }
  const failureFor = (tokens: string[]): Answer | undefined =>
    outage.isOn() ? statusAnswer(425) : restFaults.failure(tokens)
  const book = (id: string): Answer => {
    const failure = failureFor([id])
    if (failure !== undefined) return failure
    const token = withBook(id)
    if (token === undefined) return failed(404, 'No orderbook exists for the requested token id')
    return { status: 200, text: tell(token, restFaults.stale([id])) }
  }
  const books = (body: unknown): Answer => {
    const wanted = booksBody.safeParse(body)
    if (!wanted.success) return failed(400, 'Invalid payload')
    if (wanted.data.length > MAX_BOOKS) return failed(400, `Payload exceeds the limit of ${MAX_BOOKS}`)
    const ids = wanted.data.map((one) => one.token_id)
    const failure = failureFor(ids)
    if (failure !== undefined) return failure
    const stale = restFaults.stale(ids)
    const known = ids.map(withBook).filter((token) => token !== undefined)
    return { status: 200, text: `[${known.map((token) => tell(token, stale)).join(',')}]` }
  }
  return [
    { method: 'GET', pattern: /^\/clob\/book$/, answer: ({ url }) => book(url.searchParams.get('token_id') ?? '') },
    { method: 'POST', pattern: /^\/clob\/books$/, answer: ({ body }) => books(body) },
    { method: 'GET', pattern: /^\/clob\/time$/, answer: () => json(Math.floor(now() / 1000)) },
    {
      method: 'GET',
      pattern: /^\/clob\/clob-markets\/([^/]+)$/,
      answer: ({ parts }) => {
        const market = catalogue.byKey({ conditionId: parts[0] ?? '' })
        return market === undefined ? failed(404, 'market not found') : json(clobMarket(market))
      },
    },
  ]
}
