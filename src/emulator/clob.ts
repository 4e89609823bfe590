import { z } from 'zod'
import type { Catalogue } from './catalogue.ts'
import { failed, json, type Answer, type Route } from './http.ts'
import type { RestCounts } from './ledger.ts'
import type { VenueMarket, VenueToken } from './market.ts'
import type { RestFaults } from './rest-faults.ts'
import { restBookText } from './texts.ts'

export type ClobOptions = {
  catalogue: Catalogue
  rest: RestCounts
  faults: RestFaults
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

export const clobRoutes = ({ catalogue, rest, faults, now, prepare }: ClobOptions): Route[] => {
  const tell = (token: VenueToken, stale: Map<string, string> | undefined): string => {
    const counts = rest.get(token.token) ?? { books: 0, rows: 0 }
    counts.books++
    counts.rows += Math.max(token.book.bids.count + token.book.asks.count, 1)
    rest.set(token.token, counts)
    prepare(token)
    return stale?.get(token.token) ?? restBookText(token)
  }
  const withBook = (id: string): VenueToken | undefined => {
    const token = catalogue.token(id)
    if (token === undefined || token.hash === '') return undefined
    return token.market.closed || token.market.bookFromTimeMs > now() ? undefined : token
  }
  const book = (id: string): Answer => {
    const failure = faults.failure()
    if (failure !== undefined) return failure
    const token = withBook(id)
    if (token === undefined) return failed(404, 'No orderbook exists for the requested token id')
    return { status: 200, text: tell(token, faults.stale()) }
  }
  const books = (body: unknown): Answer => {
    const failure = faults.failure()
    if (failure !== undefined) return failure
    const wanted = booksBody.safeParse(body)
    if (!wanted.success) return failed(400, 'Invalid payload')
    if (wanted.data.length > MAX_BOOKS) return failed(400, `Payload exceeds the limit of ${MAX_BOOKS}`)
    const stale = faults.stale()
    const known = wanted.data.map((one) => withBook(one.token_id)).filter((token) => token !== undefined)
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
