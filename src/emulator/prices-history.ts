import { fromMillionths, MILLION } from '../domain/decimal.ts'
import type { Catalogue } from './catalogue.ts'
import { failed, type Answer, type Route } from './http.ts'
import type { VenueMarket, VenueToken } from './market.ts'

const MINUTE_S = 60
const PERIODS_S: Record<string, number> = { '1h': 3_600, '6h': 21_600, '1d': 86_400, '1w': 604_800, '1m': 2_592_000 }
/** As the venue's: a longer span of fine points is refused. */
const MOST_POINTS = 20_000

/** A slow wave of the market's own, in tenths of a cent: the same at every look. The other outcome's price mirrors it. */
const priceAt = ({ market, token }: VenueToken, minute: number): number => {
  const phase = Number(market.marketId) % 97
  const wave = Math.round(500 + 400 * Math.sin((minute + phase) / 180)) * 1_000
  return market.tokens[0]?.token === token ? wave : MILLION - wave
}

type Asked = { fromS: number; toS: number; stepS: number }

const toAsked = (query: URLSearchParams, market: VenueMarket, nowS: number): Asked | undefined => {
  const createdS = Math.ceil(market.createdTimeMs / 1_000)
  const stepS = Number(query.get('fidelity') ?? '1') * MINUTE_S
  const interval = query.get('interval')
  const period = interval === 'max' ? nowS - createdS : PERIODS_S[interval ?? '']
  const fromS = period === undefined ? Number(query.get('startTs') ?? Number.NaN) : nowS - period
  const toS = period === undefined ? Number(query.get('endTs') ?? nowS) : nowS
  const fits = Number.isInteger(stepS) && stepS > 0 && Number.isFinite(fromS) && Number.isFinite(toS)
  return fits ? { fromS: Math.max(fromS, createdS), toS: Math.min(toS, nowS), stepS } : undefined
}

const answer = (token: VenueToken, { fromS, toS, stepS }: Asked): Answer => {
  if ((toS - fromS) / stepS > MOST_POINTS) return failed(400, 'invalid filters: interval is too long')
  const points: string[] = []
  for (let at = Math.ceil(fromS / stepS) * stepS; at <= toS; at += stepS) {
    points.push(`{"t":${at},"p":${fromMillionths(priceAt(token, at / MINUTE_S))}}`)
  }
  return { status: 200, text: `{"history":[${points.join(',')}]}` }
}

/** `GET /prices-history`: one price a `fidelity` minutes, since the market was made. An unknown token has none. */
export const pricesHistoryRoute = (catalogue: Catalogue, now: () => number): Route => ({
  method: 'GET',
  pattern: /^\/clob\/prices-history$/,
  answer: ({ url: { searchParams } }) => {
    const token = catalogue.token(searchParams.get('market') ?? '')
    if (token === undefined) return { status: 200, text: '{"history":[]}' }
    const asked = toAsked(searchParams, token.market, Math.floor(now() / 1_000))
    return asked === undefined ? failed(400, 'invalid filters') : answer(token, asked)
  },
})
