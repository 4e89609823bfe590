import { pause } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'

/** One book of the venue's REST answer, text as received. */
export type RestBook = { token: string; text: string; receivedTimeMs: number }
export type FetchBooks = (tokens: string[], signal: AbortSignal) => Promise<RestBook[]>

/** Tokens whose book did not come: REST answered that it has none, or (`isAnswered` is false) gave no answer. */
export type Missing = { tokens: ReadonlySet<string>; isAnswered: boolean }

export type RestQueue = {
  /** Fetches books of these tokens in the next call, delivers them, and returns the tokens that had none. Never rejects. */
  request(tokens: string[]): Promise<Missing>
}

type Answer = { missing: Set<string>; isAnswered: boolean }
type Batch = { tokens: Set<string>; answer: Promise<Answer> }
type RestQueueDeps = {
  fetchBooks: FetchBooks
  /** `askedTimeMs`: when the call began: the book is not older. */
  deliver: (book: RestBook, askedTimeMs: number) => void
  signal: AbortSignal
  log: Logger
}

/** Requests that come within this time share a call. */
const LINGER_MS = 50

/** One call at a time; what is asked meanwhile goes into the next, so an answer is always younger than its request. */
export const createRestQueue = ({ fetchBooks, deliver, signal, log }: RestQueueDeps): RestQueue => {
  let next: Batch | undefined
  let last: Promise<unknown> = Promise.resolve()
  const fetchAll = async (tokens: Set<string>): Promise<Answer> => {
    const askedTimeMs = Date.now()
    try {
      const books = await fetchBooks([...tokens], signal)
      for (const book of books) deliver(book, askedTimeMs)
      const found = new Set(books.map(({ token }) => token))
      return { missing: new Set([...tokens].filter((token) => !found.has(token))), isAnswered: true }
    } catch (error) {
      if (!signal.aborted) log.warn({ error, tokens: tokens.size }, 'order books could not be fetched')
      return { missing: tokens, isAnswered: false }
    }
  }
  const launch = async (before: Promise<unknown>, tokens: Set<string>): Promise<Answer> => {
    await pause(LINGER_MS, signal)
    await before
    next = undefined
    const answer = await fetchAll(tokens)
    return answer
  }
  const open = (): Batch => {
    const tokens = new Set<string>()
    const answer = launch(last, tokens)
    last = answer
    return { tokens, answer }
  }
  return {
    request: async (tokens) => {
      if (tokens.length === 0) return { tokens: new Set(), isAnswered: true }
      next ??= open()
      for (const token of tokens) next.tokens.add(token)
      const { missing, isAnswered } = await next.answer
      return { tokens: new Set(tokens.filter((token) => missing.has(token))), isAnswered }
    },
  }
}
