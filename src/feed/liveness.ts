import { every } from '../lib/every.ts'
import { firstString } from '../lib/json-elements.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { FetchBooks, RestBook } from './rest-queue.ts'
import { Rounds, TICK_MS } from './rounds.ts'
import { Suspects, type Behind, type WatchedFeed, type WatchedToken } from './suspects.ts'
import type { RestState } from './suspicion.ts'

export type LivenessDeps = {
  /** Asked once, inside the venue's limits. @throws when it gave no answer. */
  fetchBooks: FetchBooks
  /** Field `applied` of the markets' quotes; what cannot be read is absent. Never rejects. */
  readApplied: (marketIds: string[]) => Promise<ReadonlyMap<string, string>>
  /** Each token is asked for this often. */
  periodMs: number
  log: Logger
  stats: Stats
}

export type Liveness = {
  /** Watches a feed's tokens until the returned function is called. */
  watch(feed: WatchedFeed): () => void
  /** What a feed's markets owe by what REST says. */
  behind(feed: WatchedFeed): Behind
  /** For how long REST has given no answer; 0 where there was nothing to ask. */
  unansweredMs(): number
}

const toRestState = ({ text }: RestBook): RestState => ({
  timeMs: Number(firstString(text, '"timestamp"')) || 0,
  hash: firstString(text, '"hash"') ?? '',
})

const marketsOf = (tokens: WatchedToken[]): string[] => [...new Set(tokens.map(({ marketId }) => marketId))]

const seenTimeMs = (watched: WatchedToken): number => watched.feed.seenTimeMs(watched) ?? 0

/** The second look at those that are due; one at a time. */
const createCheck = (suspects: Suspects, readApplied: LivenessDeps['readApplied']): (() => void) => {
  let isChecking = false
  const check = async (): Promise<void> => {
    const due = suspects.due()
    if (due.length > 0) suspects.decide(due, await readApplied(marketsOf(due)))
  }
  return () => {
    if (isChecking) return
    isChecking = true
    void check().finally(() => (isChecking = false))
  }
}

/**
 * Compares every token of a process with REST: a socket that answers PONG may have stopped one token, or all of them
 * (py-clob-client#292, nautilus#4901), and nothing on it says so.
 */
export const createLiveness = ({ fetchBooks, readApplied, periodMs, log, stats }: LivenessDeps): Liveness => {
  const feeds = new Set<WatchedFeed>()
  const suspects = new Suspects(stats)
  let ended = new AbortController()
  const poll = async (tokens: WatchedToken[], signal: AbortSignal): Promise<void> => {
    const asked = tokens.map(({ token }) => token)
    const books = await fetchBooks(asked, signal).catch((error: unknown) => {
      if (!signal.aborted) stats.count('livenessFailures')
      log.debug({ error, tokens: tokens.length }, 'tokens could not be compared with REST, they are asked again')
      throw error
    })
    stats.count('livenessPolls')
    const applied = await readApplied(marketsOf(tokens))
    const states = new Map(books.map((book) => [book.token, toRestState(book)]))
    for (const watched of tokens) {
      const rest = states.get(watched.token)
      if (rest === undefined) continue
      rounds.note(watched.token, rest.timeMs)
      suspects.look(watched, rest, applied)
    }
  }
  const list = (): WatchedToken[] => [...feeds].flatMap((feed) => feed.watchedTokens())
  const isOpen = ({ token }: WatchedToken): boolean => suspects.isOpen(token)
  const rounds = new Rounds({ periodMs, list, poll, seenTimeMs, isOpen })
  const check = createCheck(suspects, readApplied)
  const tick = (): void => {
    rounds.tick(ended.signal)
    check()
  }
  return {
    watch: (feed) => {
      feeds.add(feed)
      if (feeds.size === 1) {
        ended = new AbortController()
        every(TICK_MS, tick, ended.signal)
      }
      return () => {
        feeds.delete(feed)
        suspects.forget(feed)
        if (feeds.size === 0) ended.abort()
      }
    },
    behind: (feed) => suspects.behind(feed),
    unansweredMs: () => rounds.unansweredMs(),
  }
}
