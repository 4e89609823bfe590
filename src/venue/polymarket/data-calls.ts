import { createBackoff } from '../../lib/backoff.ts'
import { pause } from '../../lib/every.ts'
import type { Stats } from '../../lib/stats.ts'
import type { Pace } from './gamma-pace.ts'
import { createHold } from './hold.ts'

/** The Data API did not answer, or refused. `retryable`: the same call may succeed later. */
export class DataApiError extends Error {
  override readonly name = 'DataApiError'
  readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(message)
    this.retryable = retryable
  }
}

export type DataCallsOptions = {
  /** With or without a path prefix; a name and password in it are sent as basic authorization. Errors do not tell it. */
  baseUrl: string
  timeoutMs: number
  /** Attempts of one call, the first included. */
  attempts: number
  pace: Pace
  stats: Stats
  /** What errors call it. */
  api: string
}

/** What a body says, or undefined where it is not what was expected. */
type Read<T> = (text: string) => T | undefined
/** `path`: below the base, with its query. */
export type DataCall = <T>(path: string, read: Read<T>, signal: AbortSignal) => Promise<T>

type Request = { url: URL; headers: Record<string, string> }
type Answer = { status: number; text: string; retryAfterMs: number }

const LONGEST_RETRY_AFTER_MS = 30_000

/** `fetch` takes no URL with a name and password, and would tell them. */
const toRequest = (path: string, baseUrl: string): Request => {
  const url = new URL(path, baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`)
  const headers: Record<string, string> = { accept: 'application/json' }
  if (url.username !== '') {
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(login).toString('base64')}`
  }
  url.username = ''
  url.password = ''
  return { url, headers }
}

/** Status 0: no answer. @throws the signal's reason when it aborted. */
const ask = async ({ url, headers }: Request, timeoutMs: number, signal: AbortSignal): Promise<Answer> => {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const response = await fetch(url, { signal: limited, headers })
    const seconds = Number(response.headers.get('retry-after') ?? 0) || 0
    const retryAfterMs = Math.min(seconds * 1_000, LONGEST_RETRY_AFTER_MS)
    return { status: response.status, text: await response.text(), retryAfterMs }
  } catch (error) {
    signal.throwIfAborted()
    return { status: 0, text: error instanceof Error ? error.message : String(error), retryAfterMs: 0 }
  }
}

const isTransient = (status: number): boolean => status === 0 || status === 429 || status === 425 || status >= 500

const describe = ({ status, text }: Answer): string =>
  status === 0 ? `no answer: ${text}` : `status ${status}: ${text.slice(0, 200)}`

/** Idempotent GETs, so each may be asked again: a bounded number of times, with full jitter, and as late as it was told. */
export const createDataCalls = ({ baseUrl, timeoutMs, attempts, pace, stats, api }: DataCallsOptions): DataCall => {
  const hold = createHold({ again: true })
  return async (path, read, signal) => {
    const backoff = createBackoff({ initialMs: 250, maxMs: 5_000, random: Math.random })
    for (let attempt = 1; ; attempt++) {
      await hold.wait(signal)
      await pace(signal)
      stats.count('dataCalls')
      const answer = await ask(toRequest(path, baseUrl), timeoutMs, signal)
      const value = answer.status === 200 ? read(answer.text) : undefined
      if (value !== undefined) return value
      stats.count('dataCallsFailed')
      if (answer.retryAfterMs > 0) hold.extend(answer.retryAfterMs)
      const isHopeful = answer.status === 200 || isTransient(answer.status)
      if (!isHopeful || attempt === attempts) {
        throw new DataApiError(`GET ${path} of the ${api}, asked ${attempt} times, came ${describe(answer)}`, isHopeful)
      }
      await pause(backoff.nextDelayMs(), signal)
      signal.throwIfAborted()
    }
  }
}
