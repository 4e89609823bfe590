import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type StandInGamma = AsyncDisposable & {
  url: string
  markets: Map<string, Record<string, unknown>>
  requests: string[]
  /** Lists heed no filter. */
  isDeaf: boolean
  /** What becomes of each page of a list. */
  distort: ((page: GammaPage) => GammaPage) | undefined
}

type GammaPage = { markets: Record<string, unknown>[]; next_cursor?: string }

const token = (id: number, index: number): string => String(10n ** 76n + BigInt(id) * 10n + BigInt(index))

/** A Gamma object with the fields that are read. */
export const gammaObject = (id: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: String(id),
  conditionId: `0x${id.toString(16).padStart(64, '0')}`,
  slug: `market-${id}`,
  question: `Will number ${id} come up?`,
  clobTokenIds: JSON.stringify([token(id, 0), token(id, 1)]),
  outcomes: '["Yes", "No"]',
  outcomePrices: '["0.5", "0.5"]',
  closed: false,
  active: true,
  endDate: '2027-01-01T00:00:00Z',
  orderPriceMinTickSize: 0.01,
  orderMinSize: 5,
  negRisk: false,
  volume24hr: 1_000_000 - id,
  ...more,
})

/** Serves `/gamma/markets/…` from memory; what a test puts into or takes out of `markets` is seen at once. */
export const openStandInGamma = async (ids: number[]): Promise<StandInGamma> => {
  const markets = new Map(ids.map((id) => [String(id), gammaObject(id)]))
  const requests: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    requests.push(url.pathname)
    const found = answer(url)
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? { type: 'not found error', error: 'id not found' }))
  })
  const answer = (url: URL): unknown => {
    if (url.pathname === '/gamma/markets/keyset') return page(url)
    const slug = /^\/gamma\/markets\/slug\/(.+)$/.exec(url.pathname)?.[1]
    if (slug !== undefined) return [...markets.values()].find((market) => market['slug'] === slug)
    return markets.get(/^\/gamma\/markets\/(\d+)$/.exec(url.pathname)?.[1] ?? '')
  }
  const page = (url: URL): GammaPage => {
    const limit = Number(url.searchParams.get('limit'))
    const from = Number(url.searchParams.get('after_cursor') ?? 0)
    const order = url.searchParams.get('order') ?? 'id'
    const ids = url.searchParams.getAll('id')
    const listed = [...markets.values()].filter(
      (market) =>
        gamma.isDeaf ||
        (String(market['closed']) === url.searchParams.get('closed') &&
          (ids.length === 0 || ids.includes(String(market['id'])))),
    )
    const sorted = listed.toSorted((left, right) =>
      order === 'id' ? Number(left['id']) - Number(right['id']) : Number(right[order]) - Number(left[order]),
    )
    const next = from + limit < sorted.length ? { next_cursor: String(from + limit) } : {}
    const answered = { markets: sorted.slice(from, from + limit), ...next }
    return ids.length === 0 ? (gamma.distort?.(answered) ?? answered) : answered
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()))
  const gamma: StandInGamma = {
    url: `http://127.0.0.1:${port}/gamma`,
    markets,
    requests,
    isDeaf: false,
    distort: undefined,
    [Symbol.asyncDispose]: close,
  }
  return gamma
}
