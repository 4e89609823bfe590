import type { Stats } from '../lib/stats.ts'
import { judge, parseApplied, type RestState, type Verdict } from './suspicion.ts'

/** `index`: place of the token among the market's outcomes. */
export type WatchedToken = { feed: WatchedFeed; marketId: string; token: string; index: number }

/**
 * A token that REST has had a newer book of, since `sinceMs` at least, than ever came here, or another one of the same
 * millisecond; proved after its grace.
 */
export type Stalled = {
  marketId: string
  token: string
  restTimeMs: number
  seenTimeMs: number
  sinceMs: number
  isProved: boolean
}

export type WatchedFeed = {
  watchedTokens(): WatchedToken[]
  /** Newest venue time that came of the token; undefined while it is not subscribed or has had no book. */
  seenTimeMs(watched: WatchedToken): number | undefined
  /** Called again and again with all that are behind, one of them proved, until their frames come. */
  stalled(stalled: Stalled[]): void
}

/** Markets that are behind REST, and since when: nothing newer came (`unseen`), or it came and is not applied. */
export type Behind = { unseen: Map<string, number>; unapplied: Map<string, number> }

/** `isRepeated`: REST said the same again, later than its cache explains. */
type Suspect = { watched: WatchedToken; rest: RestState; sinceMs: number; isRepeated: boolean; isProved: boolean }
type AppliedOf = ReadonlyMap<string, string>

/** Time for a frame to come, and for the normalizer to apply it, after REST has shown its change. */
const GRACE_MS = 5_000
/** For so long REST may say again what it said before. */
const REST_CACHE_MS = 9_000
const TRIED_LIMIT = 50_000

const isSame = (left: RestState, right: RestState): boolean => left.timeMs === right.timeMs && left.hash === right.hash

const noteOldest = (since: Map<string, number>, marketId: string, sinceMs: number): void => {
  since.set(marketId, Math.min(since.get(marketId) ?? sinceMs, sinceMs))
}

/**
 * Tokens that are behind REST. A newer book that REST had first is kept as evidence: its later answers, older or newer,
 * neither confirm nor clear it, only what came here does. Another book of the same millisecond (the last of two batches was
 * lost) must be said twice, since an answer may have been made between the two.
 * States of a token: current → suspect (its grace) → current again, or stalled until its frames come or it is moved.
 */
export class Suspects {
  readonly #suspects = new Map<string, Suspect>()
  /** Token -> the state of REST, of the same time but with another hash, for which it was taken for stalled. */
  readonly #tried = new Map<string, RestState>()
  /** Token -> since when what came of it is not applied. */
  readonly #lagging = new Map<string, { watched: WatchedToken; sinceMs: number }>()
  readonly #stats: Stats

  constructor(stats: Stats) {
    this.#stats = stats
  }

  /** First look. */
  look(watched: WatchedToken, rest: RestState, applied: AppliedOf): void {
    const known = this.#suspects.get(watched.token)
    if (known !== undefined) {
      if (isSame(known.rest, rest)) known.isRepeated = Date.now() - known.sinceMs >= REST_CACHE_MS
      if (isSame(known.rest, rest) || this.#verdict(known, applied) === 'stalled') return
    }
    const suspect = { watched, rest, sinceMs: Date.now(), isRepeated: false, isProved: false }
    const verdict = this.#verdict(suspect, applied)
    if (verdict !== 'lagging') this.#lagging.delete(watched.token)
    // What still waits to be applied is looked at again after its grace, whatever REST has had since.
    if (verdict === 'lagging' && known !== undefined && this.#verdict(known, applied) === 'lagging') return
    this.#suspects.delete(watched.token)
    if (verdict !== 'current') this.#suspects.set(watched.token, suspect)
  }

  /** Whether something is held against the token, or waits to be applied. */
  isOpen(token: string): boolean {
    return this.#suspects.has(token) || this.#lagging.has(token)
  }

  /** Those whose grace is over. */
  due(): WatchedToken[] {
    const untilMs = Date.now() - GRACE_MS
    return [...this.#suspects.values()].filter(({ sinceMs }) => sinceMs <= untilMs).map(({ watched }) => watched)
  }

  /** Second look: a feed of which a token is still behind after its grace is told of all that are behind. */
  decide(due: WatchedToken[], applied: AppliedOf): void {
    const feeds = new Set<WatchedFeed>()
    for (const { token, feed } of due) {
      const suspect = this.#suspects.get(token)
      if (suspect === undefined) continue
      if (!this.#stands(suspect, applied)) this.#suspects.delete(token)
      else if (suspect.isProved) feeds.add(feed)
    }
    for (const feed of feeds) feed.stalled(this.#behind(feed))
  }

  /**
   * What a feed's markets owe now, with or without proof: a frame may still be on its way. Another book of the same
   * millisecond is no debt: a connection that brings the same again is not the fault.
   */
  behind(feed: WatchedFeed): Behind {
    const found: Behind = { unseen: new Map(), unapplied: new Map() }
    for (const { watched, rest, sinceMs } of this.#suspects.values()) {
      if (watched.feed !== feed) continue
      const seenTimeMs = feed.seenTimeMs(watched)
      if (seenTimeMs === undefined || seenTimeMs >= rest.timeMs) continue
      noteOldest(found.unseen, watched.marketId, sinceMs)
    }
    for (const [token, { watched, sinceMs }] of this.#lagging) {
      if (watched.feed !== feed) continue
      if (feed.seenTimeMs(watched) === undefined) this.#lagging.delete(token)
      else noteOldest(found.unapplied, watched.marketId, sinceMs)
    }
    return found
  }

  forget(feed: WatchedFeed): void {
    for (const [token, { watched }] of this.#suspects) if (watched.feed === feed) this.#suspects.delete(token)
    for (const [token, { watched }] of this.#lagging) if (watched.feed === feed) this.#lagging.delete(token)
  }

  #behind(feed: WatchedFeed): Stalled[] {
    const own = [...this.#suspects.values()].filter(({ watched }) => watched.feed === feed)
    const all = own.map(({ watched, rest, sinceMs, isProved }) => {
      const { marketId, token } = watched
      const seenTimeMs = feed.seenTimeMs(watched) ?? Infinity
      return { marketId, token, restTimeMs: rest.timeMs, seenTimeMs, sinceMs, isProved }
    })
    return all.filter(({ seenTimeMs, restTimeMs, isProved }) => isProved || seenTimeMs < restTimeMs)
  }

  #verdict({ watched, rest }: Suspect, applied: AppliedOf): Verdict {
    const seenTimeMs = watched.feed.seenTimeMs(watched)
    if (seenTimeMs === undefined) return 'current'
    return judge({ rest, seenTimeMs, applied: parseApplied(applied.get(watched.marketId), watched.index) })
  }

  /** What the normalizer has not applied is not the token's fault. */
  #stands(suspect: Suspect, applied: AppliedOf): boolean {
    switch (this.#verdict(suspect, applied)) {
      case 'current':
        this.#lagging.delete(suspect.watched.token)
        return false
      case 'lagging':
        this.#stats.count('tokensLagging')
        this.#noteLagging(suspect)
        return false
      case 'other_hash':
        return !suspect.isRepeated || suspect.isProved || this.#proveOther(suspect)
      case 'stalled':
        this.#prove(suspect)
        return true
    }
  }

  #noteLagging({ watched, sinceMs }: Suspect): void {
    if (!this.#lagging.has(watched.token)) this.#lagging.set(watched.token, { watched, sinceMs })
  }

  #prove(suspect: Suspect): void {
    if (!suspect.isProved) this.#stats.count('tokensStalled')
    suspect.isProved = true
  }

  /** Once a state of REST: a connection that brings the same again is not the fault. */
  #proveOther(suspect: Suspect): boolean {
    const { watched, rest } = suspect
    const tried = this.#tried.get(watched.token)
    if (tried !== undefined && isSame(tried, rest)) return false
    if (this.#tried.size >= TRIED_LIMIT) this.#tried.clear()
    this.#tried.set(watched.token, rest)
    this.#prove(suspect)
    return true
  }
}
