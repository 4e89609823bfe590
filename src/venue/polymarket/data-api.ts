import type { DataApi, OffsetPage, TradePage, TradePlace, TradeQuery } from '../../domain/data-page.ts'
import { splitArray, splitMembers } from '../../lib/json-elements.ts'
import type { Stats } from '../../lib/stats.ts'
import { createDataCalls, DataApiError, type DataCall } from './data-calls.ts'
import { transactionOf } from './data-identity.ts'
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
/** v1 shows no more than offset 10,000, and may refuse lower ones: where it does, its list ends there. */
const LAST_OFFSET = 10_000
/** Elements that a page by offset has in common with the one before, at least. */
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

/**
 * The next page has all that this one has of the transaction at its end, so that equal elements of it are counted whole
 * in one of them; a transaction that fills the page cannot be.
 */
const overlapOf = (elements: string[]): number => {
  const last = transactionOf(elements.at(-1) ?? '')
  const span = last === undefined ? 0 : elements.length - elements.findIndex((raw) => transactionOf(raw) === last)
  return span < elements.length ? Math.max(span, OVERLAP) : OVERLAP
}

const nextOffset = (
  elements: string[],
  offset: number,
  limit: number,
): { offset: number | undefined; isCut: boolean } => {
  if (elements.length < limit) return { offset: undefined, isCut: false }
  const next = offset + Math.max(elements.length - overlapOf(elements), 1)
  return next > LAST_OFFSET ? { offset: undefined, isCut: true } : { offset: next, isCut: false }
}

const isRefusal = (error: unknown): boolean => error instanceof DataApiError && !error.retryable

type Span = { limit: number; offset: number }

const toSearch = (given: Record<string, string | undefined>): string => {
  const sent = new URLSearchParams()
  for (const [name, value] of Object.entries(given)) if (value !== undefined && value !== '') sent.set(name, value)
  return sent.toString()
}

/** What is refused behind the first page is what the venue does not show. */
const createByOffset =
  (call: DataCall) =>
  async (path: string, { limit, offset }: Span, signal: AbortSignal): Promise<OffsetPage> => {
    try {
      const { elements } = await call(path, readArray, signal)
      const { offset: next, isCut } = nextOffset(elements, offset, limit)
      return { elements, receivedTimeMs: Date.now(), nextOffset: next, isCut }
    } catch (error) {
      if (offset === 0 || !isRefusal(error)) throw error
      return { elements: [], receivedTimeMs: Date.now(), nextOffset: undefined, isCut: true }
    }
  }

/** One a process: its pace and its patience are shared by all that ask. */
export const createDataApi = (options: DataApiOptions): DataApi => {
  const { baseUrl, stats, timeoutMs = TIMEOUT_MS, attempts = ATTEMPTS } = options
  const pace = createPace({ requests: options.callsPer10s, periodMs: 10_000 })
  const call = createDataCalls({ baseUrl, timeoutMs, attempts, pace, stats, api: 'Data API' })
  /** On the clock of `performance.now()`, which is never set back. */
  let awayUntilMs = 0

  const byCursor = async (query: TradeQuery, cursor: string | undefined, signal: AbortSignal): Promise<TradePage> => {
    const first = { condition: query.conditionIds.join(','), limit: String(query.limit) }
    const given = cursor === undefined ? first : { condition: first.condition, cursor }
    try {
      const body = await call(`v2/trades?${toSearch(given)}`, readEnvelope, signal)
      const next: TradePlace | undefined = body.cursor === undefined ? undefined : { type: 'v2', cursor: body.cursor }
      return { elements: body.elements, receivedTimeMs: Date.now(), next, isCut: false }
    } catch (error) {
      // A cursor that is refused says nothing of the list.
      const isAway = cursor === undefined || !isRefusal(error)
      if (isAway && !signal.aborted) awayUntilMs = performance.now() + V2_AWAY_MS
      throw error
    }
  }
  const byOffset = createByOffset(call)
  const tradesByOffset = async (query: TradeQuery, offset: number, signal: AbortSignal): Promise<TradePage> => {
    const { conditionIds, limit } = query
    const given = { market: conditionIds.join(','), limit: String(limit), offset: String(offset) }
    const { nextOffset: next, ...page } = await byOffset(`trades?${toSearch(given)}`, { limit, offset }, signal)
    return { ...page, next: next === undefined ? undefined : { type: 'v1', offset: next } }
  }
  return {
    begin: () => (performance.now() < awayUntilMs ? { type: 'v1', offset: 0 } : { type: 'v2', cursor: undefined }),
    trades: (query, signal) =>
      query.place.type === 'v2'
        ? byCursor(query, query.place.cursor, signal)
        : tradesByOffset(query, query.place.offset, signal),
    activity: ({ wallet, limit, offset }, signal) => {
      const type = 'SPLIT,MERGE,REDEEM,CONVERSION'
      const page = { limit: String(limit), offset: String(offset), sortBy: 'TIMESTAMP', sortDirection: 'DESC' }
      return byOffset(`activity?${toSearch({ user: wallet, type, ...page })}`, { limit, offset }, signal)
    },
  }
}
