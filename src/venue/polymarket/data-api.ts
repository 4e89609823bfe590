import type { ActivityQuery, DataApi, TradePage, TradePlace, TradeQuery } from '../../domain/data-page.ts'
import { splitArray, splitMembers } from '../../lib/json-elements.ts'
import type { Stats } from '../../lib/stats.ts'
import { createDataCalls } from './data-calls.ts'
import { createPace } from './gamma-pace.ts'

export type DataApiOptions = {
  /** With or without a path prefix. */
  baseUrl: string
  /** Calls in 10 s. Documented: 200 for /trades over all that ask from one address. */
  callsPer10s: number
  stats: Stats
  timeoutMs?: number
  attempts?: number
}

const TIMEOUT_MS = 8_000
const ATTEMPTS = 4
/** So long v2 is not asked again after it was away or refused. */
const V2_AWAY_MS = 60_000
/** v1 shows no more than offset 10,000. */
const LAST_OFFSET = 10_000
/**
 * Elements that a page of v1 has in common with the one before: equal fills of one transaction that lie across its end
 * are counted in the other.
 */
const OVERLAP = 20

type PageBody = { elements: string[]; cursor: string | undefined }

const readArray = (text: string): PageBody | undefined => {
  const elements = splitArray(text)
  return elements === undefined ? undefined : { elements, cursor: undefined }
}

const toCursor = (text: string | undefined): string | undefined => {
  const value: unknown = text === undefined ? undefined : JSON.parse(text)
  return typeof value === 'string' && value !== '' ? value : undefined
}

const readEnvelope = (text: string): PageBody | undefined => {
  const members = splitMembers(text)
  const elements = splitArray(members?.get('data') ?? '')
  const pagination = splitMembers(members?.get('pagination') ?? '')
  if (elements === undefined || pagination === undefined) return undefined
  try {
    return { elements, cursor: toCursor(pagination.get('next_cursor')) }
  } catch {
    return undefined
  }
}

const nextV1 = (offset: number, limit: number, count: number): Pick<TradePage, 'next' | 'isCut'> => {
  if (count < limit) return { next: undefined, isCut: false }
  const next = offset + Math.max(limit - OVERLAP, 1)
  return next > LAST_OFFSET ? { next: undefined, isCut: true } : { next: { type: 'v1', offset: next }, isCut: false }
}

const toSearch = (given: Record<string, string | undefined>): string => {
  const sent = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) if (value !== undefined && value !== '') sent.set(name, value)
  return sent.toString()
}

/** One a process: its pace and its patience are shared by all that ask. */
export const createDataApi = (options: DataApiOptions): DataApi => {
  const { stats, timeoutMs = TIMEOUT_MS, attempts = ATTEMPTS } = options
  const pace = createPace({ requests: options.callsPer10s, periodMs: 10_000 })
  const call = createDataCalls({ timeoutMs, attempts, pace, stats })
  const base = options.baseUrl.endsWith('/') ? options.baseUrl : `${options.baseUrl}/`
  const urlOf = (path: string, given: Record<string, string | undefined>): URL =>
    new URL(`${path}?${toSearch(given)}`, base)
  let awayUntilMs = 0

  const byCursor = async (query: TradeQuery, cursor: string | undefined, signal: AbortSignal): Promise<TradePage> => {
    const first = { condition: query.conditionIds.join(','), limit: String(query.limit) }
    const url = urlOf('v2/trades', cursor === undefined ? first : { condition: first.condition, cursor })
    try {
      const body = await call(url, readEnvelope, signal)
      const next: TradePlace | undefined = body.cursor === undefined ? undefined : { type: 'v2', cursor: body.cursor }
      return { elements: body.elements, receivedTimeMs: Date.now(), next, isCut: false }
    } catch (error) {
      if (!signal.aborted) awayUntilMs = Date.now() + V2_AWAY_MS
      throw error
    }
  }
  const byOffset = async ({ conditionIds, limit }: TradeQuery, offset: number, signal: AbortSignal) => {
    const given = { market: conditionIds.join(','), limit: String(limit), offset: String(offset) }
    const { elements } = await call(urlOf('trades', given), readArray, signal)
    return { elements, receivedTimeMs: Date.now(), ...nextV1(offset, limit, elements.length) }
  }
  return {
    begin: () => (Date.now() < awayUntilMs ? { type: 'v1', offset: 0 } : { type: 'v2', cursor: undefined }),
    trades: (query, signal) =>
      query.place.type === 'v2'
        ? byCursor(query, query.place.cursor, signal)
        : byOffset(query, query.place.offset, signal),
    activity: async ({ wallet, limit, offset }: ActivityQuery, signal) => {
      const type = 'SPLIT,MERGE,REDEEM,CONVERSION'
      const page = { limit: String(limit), offset: String(offset), sortBy: 'TIMESTAMP', sortDirection: 'DESC' }
      const { elements } = await call(urlOf('activity', { user: wallet, type, ...page }), readArray, signal)
      return { elements, receivedTimeMs: Date.now() }
    },
  }
}
