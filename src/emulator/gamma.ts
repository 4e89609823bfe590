import type { Catalogue } from './catalogue.ts'
import { gammaEvent, gammaMarket, gammaSeries, gammaTag, liquidityOf } from './gamma-objects.ts'
import { failed, json, type Answer, type Route } from './http.ts'
import { eventSlugOf, type VenueMarket } from './market.ts'

const MAX_MARKETS = 100
const MAX_EVENTS = 500

const isWanted = (market: VenueMarket, query: URLSearchParams): boolean => {
  const isAmong = (name: string, value: string): boolean => {
    const wanted = query.getAll(name).flatMap((text) => text.split(','))
    return wanted.length === 0 || wanted.includes(value)
  }
  const closed = query.get('closed')
  return (
    (closed === null || closed === String(market.listed !== 'open')) &&
    query.get('active') !== 'false' &&
    query.get('archived') !== 'true' &&
    isAmong('id', market.marketId) &&
    isAmong('slug', market.slug) &&
    isAmong('condition_ids', market.conditionId) &&
    (!query.has('tag_id') || market.tags.some((tag) => isAmong('tag_id', String(gammaTag(tag)['id'])))) &&
    (!query.has('series_id') ||
      (market.series !== undefined && isAmong('series_id', String(gammaSeries(market.series)['id'])))) &&
    (!query.has('clob_token_ids') || market.tokens.some(({ token }) => isAmong('clob_token_ids', token)))
  )
}

/** Orders that the emulator knows; others keep the order of ids. */
const rankOf = (market: VenueMarket, order: string | null): number =>
  order === 'volume24hr' || order === 'volumeNum'
    ? market.volume24hr
    : order === 'liquidityNum'
      ? liquidityOf(market)
      : order === 'endDate'
        ? market.endTimeMs
        : Number(market.marketId)

const sorted = (markets: VenueMarket[], query: URLSearchParams): VenueMarket[] => {
  const order = query.get('order')
  const direction = order === null || query.get('ascending') === 'true' ? 1 : -1
  const rank = (market: VenueMarket): number => rankOf(market, order) * direction
  return markets
    .filter((market) => isWanted(market, query))
    .sort((left, right) => rank(left) - rank(right) || Number(left.marketId) - Number(right.marketId))
}

const limitOf = (query: URLSearchParams, max: number): number => {
  const limit = Number(query.get('limit') ?? '20')
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, max) : 20
}

type Page<T> = { items: T[]; next: string | undefined }

/** So many of the next lists name again the cursor that they were asked with, and never come to their end. */
export type ListFaults = { cutCount: number }

type PageSpec<T> = { max: number; idOf: (item: T) => string; faults: ListFaults }

const cursorOf = (id: string): string => Buffer.from(id).toString('base64url')

/** The cursor names the last item given, so markets that appear meanwhile shift nothing. */
const pageOf = <T>(items: T[], query: URLSearchParams, spec: PageSpec<T>): Page<T> | undefined => {
  const cursor = query.get('after_cursor')
  const last = cursor === null ? undefined : Buffer.from(cursor, 'base64url').toString('utf8')
  const lastIndex = last === undefined ? -1 : items.findIndex((item) => spec.idOf(item) === last)
  if (last !== undefined && lastIndex < 0) return undefined
  const page = items.slice(lastIndex + 1, lastIndex + 1 + limitOf(query, spec.max))
  const end = page.at(-1)
  const isLast = lastIndex + 1 + page.length >= items.length || end === undefined
  if (spec.faults.cutCount > 0) {
    if (cursor !== null) spec.faults.cutCount--
    return { items: page, next: cursor ?? (end && cursorOf(spec.idOf(end))) }
  }
  return { items: page, next: isLast ? undefined : cursorOf(spec.idOf(end)) }
}

const keyset = (name: string, page: Page<unknown> | undefined): Answer => {
  if (page === undefined) return failed(422, 'invalid after_cursor')
  return json({ [name]: page.items, ...(page.next === undefined ? {} : { next_cursor: page.next }) })
}

const orNotFound = (object: unknown): Answer =>
  object === undefined ? json({ type: 'not found error', error: 'id not found' }, 404) : json(object)

const found = (market: VenueMarket | undefined): Answer => orNotFound(market && gammaMarket(market))

const byEvent = (markets: VenueMarket[]): VenueMarket[][] => {
  const events = new Map<string, VenueMarket[]>()
  for (const market of markets) events.set(market.eventId, [...(events.get(market.eventId) ?? []), market])
  return [...events.values()]
}

const eventOf = (markets: VenueMarket[]): Answer => orNotFound(markets.length === 0 ? undefined : gammaEvent(markets))

/** Events, and what groups them: tags and series. */
const groupRoutes = ({ markets }: Catalogue, faults: ListFaults): Route[] => [
  {
    method: 'GET',
    pattern: /^\/gamma\/events\/keyset$/,
    answer: ({ url: { searchParams } }) => {
      const events = byEvent(sorted(markets, searchParams))
      const page = pageOf(events, searchParams, { max: MAX_EVENTS, idOf: (event) => event[0]?.eventId ?? '', faults })
      return keyset('events', page && { ...page, items: page.items.map(gammaEvent) })
    },
  },
  {
    method: 'GET',
    pattern: /^\/gamma\/events\/slug\/([^/]+)$/,
    answer: ({ parts }) =>
      eventOf(markets.filter((market) => eventSlugOf(market) === decodeURIComponent(parts[0] ?? ''))),
  },
  {
    method: 'GET',
    pattern: /^\/gamma\/tags\/slug\/([^/]+)$/,
    answer: ({ parts }) => {
      const slug = decodeURIComponent(parts[0] ?? '')
      return orNotFound(markets.some(({ tags }) => tags.includes(slug)) ? gammaTag(slug) : undefined)
    },
  },
  {
    method: 'GET',
    pattern: /^\/gamma\/series$/,
    answer: ({ url: { searchParams } }) => {
      const wanted = searchParams.getAll('slug')
      const slugs = new Set(markets.map(({ series }) => series).filter((slug) => slug !== undefined))
      return json([...slugs].filter((slug) => wanted.length === 0 || wanted.includes(slug)).map(gammaSeries))
    },
  },
]

export const gammaRoutes = (catalogue: Catalogue, faults: ListFaults): Route[] => [
  ...groupRoutes(catalogue, faults),
  {
    method: 'GET',
    pattern: /^\/gamma\/markets\/keyset$/,
    answer: ({ url: { searchParams } }) => {
      if (searchParams.has('offset')) return failed(422, 'offset is not allowed on keyset endpoints')
      const markets = sorted(catalogue.markets, searchParams)
      const page = pageOf(markets, searchParams, { max: MAX_MARKETS, idOf: (market) => market.marketId, faults })
      return keyset('markets', page && { ...page, items: page.items.map(gammaMarket) })
    },
  },
  {
    method: 'GET',
    pattern: /^\/gamma\/markets$/,
    answer: ({ url: { searchParams } }) => {
      const offset = Math.max(Math.trunc(Number(searchParams.get('offset') ?? '0')) || 0, 0)
      const markets = sorted(catalogue.markets, searchParams)
      return json(markets.slice(offset, offset + limitOf(searchParams, MAX_MARKETS)).map(gammaMarket))
    },
  },
  {
    method: 'GET',
    pattern: /^\/gamma\/markets\/slug\/([^/]+)$/,
    answer: ({ parts }) => found(catalogue.byKey({ slug: decodeURIComponent(parts[0] ?? '') })),
  },
  {
    method: 'GET',
    pattern: /^\/gamma\/markets\/([^/]+)$/,
    answer: ({ parts }) => found(catalogue.byKey({ marketId: parts[0] ?? '' })),
  },
]
