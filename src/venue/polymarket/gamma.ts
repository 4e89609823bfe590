import { createPace, type Pace } from './gamma-pace.ts'
import { createReads, GammaError, type GammaClient } from './gamma-reads.ts'

export type GammaOptions = {
  /** With or without a path prefix. */
  baseUrl: string
  timeoutMs: number
  /** Attempts of one GET, the first included. */
  attempts: number
  pace: Pace
}

/** Documented: /markets 300 requests in 10 s. We stay at two thirds of it. */
export const gammaPace = (): Pace => createPace({ requests: 200, periodMs: 10_000 })

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
  return createReads(get)
}
