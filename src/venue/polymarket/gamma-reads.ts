import { z } from 'zod'

export type GammaClient = {
  /** Gamma's object of one market, or undefined where it answers 404. `key` is a numeric id or a slug. */
  market(key: string, signal?: AbortSignal): Promise<unknown>
  /** Of these ids (at most 100) the open markets, or the closed ones. */
  marketsById(ids: string[], closed: boolean, signal?: AbortSignal): Promise<unknown[]>
  /** Those of at most 100 markets that are closed. */
  closedMarkets(conditionIds: string[], signal?: AbortSignal): Promise<unknown[]>
  /** One page of open markets; start without a cursor. */
  openMarkets(query: OpenMarketsQuery, signal?: AbortSignal): Promise<GammaPage>
  /** An event with its markets, or undefined where there is none. */
  event(slug: string, signal?: AbortSignal): Promise<GammaEvent | undefined>
  /** One page of a series' open events. */
  seriesEvents(query: SeriesQuery, signal?: AbortSignal): Promise<GammaEventPage>
  /** Gamma filters by number. Undefined where nothing has that slug. */
  tagId(slug: string, signal?: AbortSignal): Promise<string | undefined>
  seriesId(slug: string, signal?: AbortSignal): Promise<string | undefined>
}
type OpenMarketsQuery = { limit: number; order: 'volume24hr' | 'id'; cursor: string | undefined; tagId?: string }
type SeriesQuery = { limit: number; cursor: string | undefined; seriesId: string }
type GammaPage = { markets: unknown[]; nextCursor: string | undefined }
type GammaEventPage = { events: { id: string; markets: unknown[] }[]; nextCursor: string | undefined }
/** Tags and series are slugs. */
type GammaEvent = { slug: string; tags: string[]; series: string[]; markets: unknown[] }

type Get = (path: string, signal?: AbortSignal) => Promise<unknown>

/** The venue did not answer, or answered what no retry here could mend in time. The activity is retried as a whole. */
export class GammaError extends Error {
  override readonly name = 'GammaError'
  readonly retryable: boolean
  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, { cause })
    this.retryable = retryable
  }
}

const nextCursor = z
  .string()
  .nullish()
  .transform((cursor) => cursor ?? undefined)
const slugs = z
  .array(z.object({ slug: z.string() }))
  .nullish()
  .transform((given) => (given ?? []).map(({ slug }) => slug))
const objects = z.array(z.unknown())
const event = z.object({ slug: z.string(), tags: slugs, series: slugs, markets: objects.nullish() })
const id = z.union([z.string(), z.number()]).transform(String)
const named = z.object({ id })

const marketPage = z.object({ markets: objects, next_cursor: nextCursor })
const eventPage = z.object({ events: z.array(named.extend({ markets: objects.nullish() })), next_cursor: nextCursor })
const ofEvents = z.object({ events: slugs })

const parsed = <T extends z.ZodType>(schema: T, body: unknown, path: string): z.infer<T> => {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw new GammaError(`${path}: another answer than expected: ${z.prettifyError(result.error).slice(0, 300)}`, true)
}

/** Slugs of the events that a market object names; older objects name none. */
export const eventsOf = (market: unknown): string[] => ofEvents.safeParse(market).data?.events ?? []

/** What is asked of Gamma, by paths below its base address. */
export const createReads = (get: Get): GammaClient => ({
  market: (key, signal) =>
    get(/^\d+$/.test(key) ? `markets/${key}` : `markets/slug/${encodeURIComponent(key)}`, signal),
  marketsById: async (ids, closed, signal) => {
    const sent = new URLSearchParams({ limit: '100', closed: String(closed) })
    for (const one of ids) sent.append('id', one)
    return parsed(marketPage, await get(`markets/keyset?${sent.toString()}`, signal), 'markets/keyset').markets
  },
  closedMarkets: async (conditionIds, signal) => {
    const sent = new URLSearchParams({ limit: '100', closed: 'true' })
    for (const one of conditionIds) sent.append('condition_ids', one)
    return parsed(marketPage, await get(`markets/keyset?${sent.toString()}`, signal), 'markets/keyset').markets
  },
  openMarkets: async ({ limit, order, cursor, tagId }, signal) => {
    const sent = new URLSearchParams({ limit: String(limit), closed: 'false', order })
    sent.set('ascending', String(order === 'id'))
    if (tagId !== undefined) sent.set('tag_id', tagId)
    if (cursor !== undefined) sent.set('after_cursor', cursor)
    const body = await get(`markets/keyset?${sent.toString()}`, signal)
    const page = parsed(marketPage, body, 'markets/keyset')
    return { markets: page.markets, nextCursor: page.next_cursor }
  },
  event: async (slug, signal) => {
    const body = await get(`events/slug/${encodeURIComponent(slug)}`, signal)
    if (body === undefined) return undefined
    const { markets, ...rest } = parsed(event, body, 'events/slug')
    return { ...rest, markets: markets ?? [] }
  },
  seriesEvents: async ({ limit, cursor, seriesId }, signal) => {
    const sent = new URLSearchParams({ limit: String(limit), closed: 'false', series_id: seriesId })
    if (cursor !== undefined) sent.set('after_cursor', cursor)
    const page = parsed(eventPage, await get(`events/keyset?${sent.toString()}`, signal), 'events/keyset')
    const events = page.events.map((one) => ({ id: one.id, markets: one.markets ?? [] }))
    return { events, nextCursor: page.next_cursor }
  },
  tagId: async (slug, signal) => {
    const body = await get(`tags/slug/${encodeURIComponent(slug)}`, signal)
    return body === undefined ? undefined : parsed(named, body, 'tags/slug').id
  },
  seriesId: async (slug, signal) => {
    const body = await get(`series?slug=${encodeURIComponent(slug)}`, signal)
    return parsed(z.array(named), body ?? [], 'series')[0]?.id
  },
})
