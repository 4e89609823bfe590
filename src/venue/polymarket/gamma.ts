import { z } from 'zod'
import { createPace, type Pace } from './gamma-pace.ts'

export type GammaClient = {
  /** Gamma's object of one market, or undefined where it answers 404. `key` is a numeric id or a slug. */
  market(key: string, signal?: AbortSignal): Promise<unknown>
  /** One page of open markets; start without a cursor. */
  openMarkets(query: OpenMarketsQuery, signal?: AbortSignal): Promise<GammaPage>
  /** Those of at most 100 markets that are closed. */
  closedMarkets(conditionIds: string[], signal?: AbortSignal): Promise<unknown[]>
}
type OpenMarketsQuery = { limit: number; order: 'volume24hr' | 'id'; cursor: string | undefined }
type GammaPage = { markets: unknown[]; nextCursor: string | undefined }

export type GammaOptions = {
  /** With or without a path prefix. */
  baseUrl: string
  timeoutMs: number
  /** Attempts of one GET, the first included. */
  attempts: number
  pace: Pace
}

/** The venue did not answer, or answered what no retry here could mend in time. The activity is retried as a whole. */
class GammaError extends Error {
  override readonly name = 'GammaError'
  readonly retryable: boolean
  constructor(message: string, retryable: boolean, cause?: unknown) {
    super(message, { cause })
    this.retryable = retryable
  }
}

/** Documented: /markets 300 requests in 10 s. We stay at two thirds of it. */
export const gammaPace = (): Pace => createPace({ requests: 200, periodMs: 10_000 })

const page = z.object({ markets: z.array(z.unknown()), next_cursor: z.string().nullish() })

type Answer = { type: 'found'; body: unknown } | { type: 'absent' } | { type: 'retry'; reason: string; afterMs: number }

const afterMsOf = (response: Response): number => {
  const seconds = Number(response.headers.get('retry-after') ?? '')
  return Number.isFinite(seconds) ? Math.min(seconds, 10) * 1_000 : 0
}

const ask = async (url: URL, timeoutMs: number, signal: AbortSignal | undefined): Promise<Answer> => {
  const limit = AbortSignal.timeout(timeoutMs)
  const either = signal === undefined ? limit : AbortSignal.any([limit, signal])
  let response: Response
  let text: string
  try {
    response = await fetch(url, { signal: either, headers: { accept: 'application/json' } })
    text = await response.text()
  } catch (error) {
    signal?.throwIfAborted()
    return { type: 'retry', reason: `no answer: ${reasonOf(error)}`, afterMs: 0 }
  }
  if (response.status === 404) return { type: 'absent' }
  if (response.status === 429 || response.status >= 500) {
    return { type: 'retry', reason: `status ${response.status}`, afterMs: afterMsOf(response) }
  }
  if (!response.ok) throw new GammaError(`GET ${url.href} answered ${response.status}: ${text.slice(0, 200)}`, false)
  try {
    const body: unknown = JSON.parse(text)
    return { type: 'found', body }
  } catch {
    return { type: 'retry', reason: `expected JSON, got ${text.slice(0, 80)}`, afterMs: 0 }
  }
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

/** Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ */
const backoffMs = (attempt: number): number => Math.random() * Math.min(5_000, 250 * 2 ** attempt)

/** Only idempotent GETs, so each may be asked again. */
export const createGamma = (options: GammaOptions): GammaClient => {
  const base = options.baseUrl.endsWith('/') ? options.baseUrl : `${options.baseUrl}/`
  const get = async (path: string, signal?: AbortSignal): Promise<unknown> => {
    const url = new URL(path, base)
    let reason = ''
    for (let attempt = 0; attempt < options.attempts; attempt++) {
      await options.pace(signal)
      const answer = await ask(url, options.timeoutMs, signal)
      if (answer.type === 'found') return answer.body
      if (answer.type === 'absent') return undefined
      reason = answer.reason
      const isLast = attempt + 1 === options.attempts
      if (!isLast) await new Promise((resolve) => setTimeout(resolve, Math.max(answer.afterMs, backoffMs(attempt))))
    }
    throw new GammaError(`GET ${url.href}: ${reason} (asked ${options.attempts} times)`, true)
  }
  const getPage = async (query: URLSearchParams, signal?: AbortSignal): Promise<GammaPage> => {
    const body = page.safeParse(await get(`markets/keyset?${query.toString()}`, signal))
    if (!body.success)
      throw new GammaError(`markets/keyset: expected {markets, next_cursor?}: ${body.error.message}`, true)
    return { markets: body.data.markets, nextCursor: body.data.next_cursor ?? undefined }
  }
  return {
    market: (key, signal) =>
      get(/^\d+$/.test(key) ? `markets/${key}` : `markets/slug/${encodeURIComponent(key)}`, signal),
    openMarkets: (query, signal) => {
      const sent = new URLSearchParams({ limit: String(query.limit), closed: 'false', order: query.order })
      sent.set('ascending', String(query.order === 'id'))
      if (query.cursor !== undefined) sent.set('after_cursor', query.cursor)
      return getPage(sent, signal)
    },
    closedMarkets: async (conditionIds, signal) => {
      const sent = new URLSearchParams({ limit: '100', closed: 'true' })
      for (const conditionId of conditionIds) sent.append('condition_ids', conditionId)
      return (await getPage(sent, signal)).markets
    },
  }
}
