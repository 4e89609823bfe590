import { createBackoff } from '../../lib/backoff.ts'
import { pause } from '../../lib/every.ts'
import { firstString, splitArray } from '../../lib/json-elements.ts'
import { createPace } from './gamma-pace.ts'

/** Raw text of one order book as the venue sent it. */
type RestBook = { token: string; text: string; receivedTimeMs: number }

export type Clob = {
  /** POST /books. Unknown tokens are absent from the answer. @throws ClobError after the last attempt. */
  fetchBooks(tokens: string[], signal: AbortSignal): Promise<RestBook[]>
  /** GET /book; undefined when the venue has no book of the token (404). @throws ClobError */
  fetchBook(token: string, signal: AbortSignal): Promise<RestBook | undefined>
}

class ClobError extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(message)
    this.name = 'ClobError'
    this.retryable = retryable
  }
}

const MAX_BOOKS_PER_CALL = 500
const ATTEMPTS = 5
const CALL_TIMEOUT_MS = 8_000
const MAX_RETRY_AFTER_MS = 30_000
/** The venue's engine restarts weekly, for about 90 s. */
const RESTART_DELAY_MS = 3_000

type Answer = { status: number; text: string; retryAfterMs: number }
type Request = { path: string; init: RequestInit; signal: AbortSignal }

const isTransient = (status: number): boolean => status === 425 || status === 429 || status === 0 || status >= 500

const toRestBook = (text: string): RestBook[] => {
  const token = firstString(text, '"asset_id"')
  return token === undefined ? [] : [{ token, text, receivedTimeMs: Date.now() }]
}

const ask = async (url: string, init: RequestInit, signal: AbortSignal): Promise<Answer> => {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)])
    const response = await fetch(url, { ...init, signal: limited })
    const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1_000
    return { status: response.status, text: await response.text(), retryAfterMs: retryAfterMs || 0 }
  } catch (error) {
    signal.throwIfAborted()
    return { status: 0, text: error instanceof Error ? error.message : String(error), retryAfterMs: 0 }
  }
}

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

export const createClob = ({ url }: { url: string }): Clob => {
  const base = url.replace(/\/+$/, '')
  const booksPace = createPace({ requests: 450, periodMs: 10_000 })
  const bookPace = createPace({ requests: 1_350, periodMs: 10_000 })
  /** Transient answers are asked again, at the venue's own delay where it names one. */
  const request = async ({ path, init, signal }: Request, pace: typeof booksPace): Promise<Answer> => {
    const backoff = createBackoff({ initialMs: 250, maxMs: 5_000, random: Math.random })
    for (let attempt = 1; ; attempt++) {
      await pace(signal)
      const answer = await ask(`${base}${path}`, init, signal)
      if (!isTransient(answer.status)) return answer
      if (attempt === ATTEMPTS) {
        const why = answer.status === 0 ? answer.text : `status ${answer.status}: ${shorten(answer.text)}`
        throw new ClobError(`${path} expected 200 within ${ATTEMPTS} attempts, came ${why}`, true)
      }
      const ownMs = answer.status === 425 ? RESTART_DELAY_MS : backoff.nextDelayMs()
      await pause(Math.min(Math.max(answer.retryAfterMs, ownMs), MAX_RETRY_AFTER_MS), signal)
    }
  }
  const fetchSome = async (tokens: string[], signal: AbortSignal): Promise<RestBook[]> => {
    const body = JSON.stringify(tokens.map((token) => ({ token_id: token })))
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
    const { status, text } = await request({ path: '/books', init, signal }, booksPace)
    const elements = status === 200 ? splitArray(text) : undefined
    if (elements !== undefined) return elements.flatMap(toRestBook)
    throw new ClobError(`/books expected an array, came status ${status}: ${shorten(text)}`, false)
  }
  return {
    fetchBooks: async (tokens, signal) => {
      const books: RestBook[] = []
      for (let at = 0; at < tokens.length; at += MAX_BOOKS_PER_CALL) {
        books.push(...(await fetchSome(tokens.slice(at, at + MAX_BOOKS_PER_CALL), signal)))
      }
      return books
    },
    fetchBook: async (token, signal) => {
      const path = `/book?token_id=${encodeURIComponent(token)}`
      const { status, text } = await request({ path, init: {}, signal }, bookPace)
      if (status === 404) return undefined
      if (status === 200) return toRestBook(text)[0]
      throw new ClobError(`/book expected 200 or 404, came status ${status}: ${shorten(text)}`, false)
    },
  }
}
