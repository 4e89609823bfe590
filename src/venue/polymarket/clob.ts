import { createBackoff } from '../../lib/backoff.ts'
import { pause } from '../../lib/every.ts'
import { firstString, splitArray } from '../../lib/json-elements.ts'
import { createPace } from './gamma-pace.ts'
import { createHold } from './hold.ts'

/** Raw text of one order book as the venue sent it. */
type RestBook = { token: string; text: string; receivedTimeMs: number }

export type Clob = {
  /** POST /books. Unknown tokens are absent from the answer. @throws ClobError after the last of five attempts. */
  fetchBooks(tokens: string[], signal: AbortSignal): Promise<RestBook[]>
  /** The same, asked once: for what is asked again soon anyway. @throws ClobError */
  peekBooks(tokens: string[], signal: AbortSignal): Promise<RestBook[]>
  /**
   * Whether the venue's engine restarts: 425 was its last answer, at most 30 s ago, or is when it is asked for this token
   * now (half a second at most). Never rejects.
   */
  isRestarting(token: string, signal: AbortSignal): Promise<boolean>
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
const RESTARTING = 425
/** The venue's engine restarts weekly, for about 90 s: all calls wait after each 425, doubling while nothing else comes. */
const FIRST_RESTART_DELAY_MS = 1_000
const LONGEST_RESTART_DELAY_MS = 4_000
const RESTART_MEMORY_MS = 30_000
const RESTART_QUESTION_MS = 500

type Answer = { status: number; text: string; retryAfterMs: number }

const isTransient = (status: number): boolean =>
  status === RESTARTING || status === 429 || status === 0 || status >= 500

const toRestBook = (text: string): RestBook[] => {
  const token = firstString(text, '"asset_id"')
  return token === undefined ? [] : [{ token, text, receivedTimeMs: Date.now() }]
}

const toInit = (tokens: string[]): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(tokens.map((token) => ({ token_id: token }))),
})

/** Status 0: no answer. @throws the signal's reason when it aborted. */
const ask = async (url: string, tokens: string[], signal: AbortSignal, timeoutMs: number): Promise<Answer> => {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const response = await fetch(url, { ...toInit(tokens), signal: limited })
    const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1_000
    return { status: response.status, text: await response.text(), retryAfterMs: retryAfterMs || 0 }
  } catch (error) {
    signal.throwIfAborted()
    return { status: 0, text: error instanceof Error ? error.message : String(error), retryAfterMs: 0 }
  }
}

const shorten = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text)

const toError = ({ status, text }: Answer, attempts: number): ClobError => {
  const came = status === 0 ? text : `status ${status}: ${shorten(text)}`
  return new ClobError(`/books expected 200 within ${attempts} attempts, came ${came}`, isTransient(status))
}

/** What the answers say of the venue as a whole: how long to wait, and whether it restarts. */
const createMood = () => {
  const told = createHold({ again: true })
  const restart = createHold({ again: false })
  let restartTimeMs = 0
  let restartDelayMs = FIRST_RESTART_DELAY_MS
  const learnRestart = (): void => {
    restartTimeMs = Date.now()
    restart.extend(restartDelayMs)
    restartDelayMs = Math.min(LONGEST_RESTART_DELAY_MS, restartDelayMs * 2)
  }
  const learnAnswer = (): void => {
    restartTimeMs = 0
    restartDelayMs = FIRST_RESTART_DELAY_MS
  }
  return {
    wait: async (signal: AbortSignal): Promise<void> => {
      await restart.wait(signal)
      await told.wait(signal)
    },
    isRestarting: (): boolean => Date.now() - restartTimeMs < RESTART_MEMORY_MS,
    learn: ({ status, retryAfterMs }: Answer): void => {
      if (status === 200) learnAnswer()
      if (status === RESTARTING) learnRestart()
      if (isTransient(status)) told.extend(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
    },
  }
}

/** `questionMs`: how long the answer is waited for that says whether the venue restarts. */
type ClobOptions = { url: string; questionMs?: number | undefined }

/** The public books of the venue. One a process: its pace and its patience are shared by all that ask. */
export const createClob = ({ url, questionMs = RESTART_QUESTION_MS }: ClobOptions): Clob => {
  const booksUrl = `${url.replace(/\/+$/, '')}/books`
  const pace = createPace({ requests: 450, periodMs: 10_000 })
  const mood = createMood()
  let question: Promise<boolean> | undefined
  const request = async (tokens: string[], attempts: number, signal: AbortSignal): Promise<RestBook[]> => {
    const backoff = createBackoff({ initialMs: 250, maxMs: 5_000, random: Math.random })
    for (let attempt = 1; ; attempt++) {
      await mood.wait(signal)
      await pace(signal)
      const answer = await ask(booksUrl, tokens, signal, CALL_TIMEOUT_MS)
      mood.learn(answer)
      const elements = answer.status === 200 ? splitArray(answer.text) : undefined
      if (elements !== undefined) return elements.flatMap(toRestBook)
      if (!isTransient(answer.status) || attempt === attempts) throw toError(answer, attempt)
      await pause(backoff.nextDelayMs(), signal)
    }
  }
  const fetchAll = async (tokens: string[], attempts: number, signal: AbortSignal): Promise<RestBook[]> => {
    const books: RestBook[] = []
    for (let at = 0; at < tokens.length; at += MAX_BOOKS_PER_CALL) {
      books.push(...(await request(tokens.slice(at, at + MAX_BOOKS_PER_CALL), attempts, signal)))
    }
    return books
  }
  const putQuestion = async (token: string, signal: AbortSignal): Promise<boolean> => {
    try {
      mood.learn(await ask(booksUrl, [token], signal, questionMs))
    } catch {
      // The one who asked is going: nobody waits for the answer.
    } finally {
      question = undefined
    }
    return mood.isRestarting()
  }
  return {
    fetchBooks: (tokens, signal) => fetchAll(tokens, ATTEMPTS, signal),
    peekBooks: (tokens, signal) => fetchAll(tokens, 1, signal),
    isRestarting: async (token, signal) => {
      if (mood.isRestarting()) return true
      // Sockets that end together share the question.
      question ??= putQuestion(token, signal)
      return question
    },
  }
}
